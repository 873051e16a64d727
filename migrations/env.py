"""Runs the migrations on the application's database; called by ``flask db``."""

from __future__ import annotations

from typing import Literal

from alembic import context
from flask import current_app
from sqlalchemy import TypeDecorator

from hyperstrate.shared.db import Base, db


def render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Types of our own are written as what they are in the database."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def run() -> None:
    """All in one transaction; SQLite in batch mode, since it cannot alter a column."""
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=render,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
