"""Flask-Migrate, once it is asked for: its alembic loads as long as all of Flask, and is large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask import Flask

from hyperstrate.shared.db import db

FOLDER = Path(__file__).resolve().parent.parent / "migrations"


def register(app: Flask) -> None:
    """``flask db``, and what its commands look for in ``app``."""
    app.extensions["migrate"] = _Extension(app)
    app.cli.add_command(_Commands("db", help="Perform database migrations."))


class _Extension:
    """Stands where Flask-Migrate will."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        from flask_migrate import Migrate

        Migrate(self._app, db, directory=str(FOLDER), render_as_batch=True)
        return getattr(self._app.extensions["migrate"], name)


class _Commands(click.Command):
    """Stands for Flask-Migrate's group of commands until one of them is called."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        from flask_migrate.cli import db as commands

        context: click.Context = commands.make_context(info_name, args, parent, **extra)
        return context
