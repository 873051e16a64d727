"""Fixtures: the observability module alone, on both databases, with people of two organisations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hyperstrate.events import RoutedInference
from hyperstrate.observability import recorder
from hyperstrate.shared.db import db
from hyperstrate.shared.spool import Spool, SpoolReader
from tests.observability.installation import TABLES, build_app

Store = Callable[..., None]


@pytest.fixture(scope="session")
def observability_uri(request: pytest.FixtureRequest, database_uri: str, folder: Path) -> str:
    """The database of these tests; on SQLite a file of their own."""
    is_sqlite = database_uri.startswith("sqlite")
    return f"sqlite:///{folder / 'observability.db'}" if is_sqlite else database_uri


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool")
    yield spool
    spool.close()


@pytest.fixture
def app(observability_uri: str, spool: Spool) -> Iterator[Flask]:
    """The application with empty tables, and its context pushed."""
    app = build_app(observability_uri, spool)
    with app.app_context():
        yield app
        db.session.rollback()
        for table in TABLES:
            db.session.execute(table.delete())  # type: ignore[attr-defined]
        db.session.commit()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def reader(spool: Spool) -> Iterator[SpoolReader]:
    reader = SpoolReader(spool.folder)
    spool.check()
    assert reader.acquire()
    yield reader
    reader.release()


@pytest.fixture
def store(app: Flask, reader: SpoolReader) -> Store:
    """Bring requests into the log, the way they come there."""

    def bring(*events: RoutedInference) -> None:
        for event in events:
            recorder.record_inference(event)
        recorder.drain(reader)

    return bring


@pytest.fixture
def client_as(app: Flask) -> Callable[[str | None], FlaskClient]:
    """A client signed in as admin, member, stranger or key; None: as nobody."""

    def client(name: str | None) -> FlaskClient:
        client = app.test_client()
        if name:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {name}"
        return client

    return client
