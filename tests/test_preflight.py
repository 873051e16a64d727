"""A server does not start on tables of another version."""

from __future__ import annotations

from pathlib import Path

from flask_migrate import upgrade

from hyperstrate import preflight
from hyperstrate.app import create_app
from hyperstrate.config import from_environment
from hyperstrate.shared.db import db

MIGRATIONS = str(Path(__file__).resolve().parent.parent / "migrations")


def test_an_empty_database_is_refused_and_a_migrated_one_is_not(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    dsn = f"sqlite:///{tmp_path / 'x.db'}"
    app = create_app(from_environment({**environment, "DATABASE_DSN": dsn}))

    before = preflight.problem(app)
    with app.app_context():
        upgrade(MIGRATIONS)
        after = preflight.problem(app)
        db.engine.dispose()

    assert "flask db upgrade" in before
    assert after == ""


def test_a_database_that_is_away_is_no_reason_to_stop(environment: dict[str, str]) -> None:
    dsn = "postgres://nobody@127.0.0.1:1/none?connect_timeout=2"
    app = create_app(from_environment({**environment, "DATABASE_DSN": dsn}))

    assert preflight.problem(app) == ""
