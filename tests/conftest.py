"""Fixtures: real servers on loopback, real databases, two organisations with named people."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import close_all_sessions

from hyperstrate.app import create_app
from hyperstrate.config import from_environment
from hyperstrate.observability import audit
from hyperstrate.observability.audit_repeats import Repeats
from hyperstrate.shared.cache import load_in
from hyperstrate.shared.db import db
from tests import people as cast
from tests import servers


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a test that is skipped has failed: what it needs is missing, and it says what."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


LONGEST = ("tests/e2e/", "tests/test_access.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first: at the end no process is left alone with one of them."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: no search for garbage goes through them."""
    gc.freeze()


DATABASES = ("sqlite", "postgres")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder of this test process, readable by the database's own user."""
    with tempfile.TemporaryDirectory(prefix="hyperstrate-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def postgres_uri(folder: Path) -> Iterator[str]:
    """A PostgreSQL server of this test process, or a new database on TEST_DATABASE_URL."""
    with servers.postgres(folder / "postgres") as uri:
        yield uri


@pytest.fixture(scope="session")
def redis_url(folder: Path) -> Iterator[str]:
    """A Valkey server of this test process, or TEST_REDIS_URL."""
    with servers.redis() as url:
        yield url


@pytest.fixture(scope="session", params=DATABASES)
def database_uri(request: pytest.FixtureRequest, folder: Path) -> str:
    """Each test that takes this runs on SQLite and on PostgreSQL."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_uri"))
    return f"sqlite:///{folder / 'test.db'}"


@pytest.fixture(scope="session")
def environment(folder: Path) -> dict[str, str]:
    """The environment of an installation under test."""
    return {
        "SPOOL_DIR": str(folder / "spool"),
        "SETUP_TOKEN": "set-me-up",
        "APP_ENV": "development",
    }


@pytest.fixture(scope="session")
def built_app(database_uri: str, environment: dict[str, str]) -> Iterator[Flask]:
    app = create_app(from_environment({**environment, "DATABASE_DSN": database_uri}))
    app.testing = True
    with app.app_context():
        db.drop_all()
        db.create_all()
        cast.learn()
    yield app
    close_all_sessions()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(autouse=True)
def no_refusals_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused again and again is counted for a minute, and kept then: by whoever runs."""
    monkeypatch.setattr(audit, "_repeats", Repeats())


@cache
def _emptying() -> str:
    """Delete the rows of every table, of those first that point at others: one script."""
    return ";".join(str(table.delete()) for table in reversed(db.metadata.sorted_tables))


def _empty_tables() -> None:
    connection: Any = db.session.connection().connection.driver_connection
    if db.engine.dialect.name == "sqlite":
        connection.executescript(f"BEGIN;{_emptying()};COMMIT")
    else:
        connection.execute(_emptying())
    db.session.commit()


@pytest.fixture
def app(built_app: Flask) -> Iterator[Flask]:
    """The application with empty tables, and its context pushed."""
    load_in(built_app.app_context)
    with built_app.app_context():
        yield built_app
        db.session.rollback()
        _empty_tables()
        db.session.remove()
        built_app.extensions["ai"].upstream.close()


@pytest.fixture
def people(app: Flask) -> cast.People:
    """Alice, Bob and Vera of Acme, Carol of Globex, Dora of both, Pat, who is platform admin."""
    return cast.settle()


@pytest.fixture
def client_as(app: Flask, people: cast.People) -> Callable[[cast.Part | None], FlaskClient]:
    """A client with the session token of the one who plays that part; or of nobody."""
    return lambda part: cast.client(app, people.playing(part) if part else None)


@pytest.fixture
def browser_as(app: Flask, people: cast.People) -> Callable[[cast.Part | None], cast.Browser]:
    """A browser in which somebody signed in; or nobody."""

    def open_browser(part: cast.Part | None) -> cast.Browser:
        browser = cast.Browser(app)
        return browser.sign_in(people.playing(part)) if part else browser

    return open_browser


def recordings() -> Path:
    """Where the recorded provider calls are (HYPERSTRATE_RECORDINGS)."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "recordings"
    return Path(os.environ.get("HYPERSTRATE_RECORDINGS") or default)
