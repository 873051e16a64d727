"""The migrations make exactly the tables of the models, and go back."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from hyperstrate.app import create_app
from hyperstrate.config import from_environment
from hyperstrate.shared.db import Base, db
from hyperstrate.shared.money import Usd
from tests import servers

MIGRATIONS = str(Path(__file__).resolve().parent.parent / "migrations")


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, environment: dict[str, str]) -> Flask:
    """The application on a database without a table."""
    dsn = f"sqlite:///{tmp_path / 'empty.db'}"
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_uri")
        dsn = request.getfixturevalue("fresh_database")(server)
    return create_app(from_environment({**environment, "DATABASE_DSN": dsn}))


@pytest.fixture
def fresh_database(request: pytest.FixtureRequest) -> object:
    """Makes an empty database on a server, gone after the test."""

    def make(server: str) -> str:
        context = servers.fresh_database(server)
        uri = context.__enter__()
        request.addfinalizer(lambda: context.__exit__(None, None, None))
        return uri

    return make


def is_other(
    _context: object, _column: object, _meta: object, _found: object, wanted: object
) -> bool | None:
    """Money is NUMERIC in the migration; how SQLite keeps it is the type's own affair."""
    return False if isinstance(wanted, Usd) else None


def test_migrated_tables_are_the_models_tables(empty: Flask) -> None:
    with empty.app_context():
        upgrade(MIGRATIONS)
        with db.engine.connect() as connection:
            migrated = MigrationContext.configure(connection, opts={"compare_type": is_other})
            differences = compare_metadata(migrated, Base.metadata)
        db.engine.dispose()

    assert differences == []


def test_migrations_go_back_to_nothing(empty: Flask) -> None:
    with empty.app_context():
        upgrade(MIGRATIONS)
        downgrade(MIGRATIONS, "base")
        left = inspect(db.engine).get_table_names()
        db.engine.dispose()

    assert left == ["alembic_version"]
