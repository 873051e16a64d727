"""Fixtures: the observability module alone, on both databases, with people of two organisations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hyperstrate.events import RoutedInference
from hyperstrate.observability import Ports, delivery, recorder
from hyperstrate.observability.api.common import EXTENSION, Observability
from hyperstrate.observability.health import Health
from hyperstrate.observability.ports import nothing_wrong
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.db import db
from hyperstrate.shared.spool import Spool, SpoolReader
from tests import answers
from tests.observability.installation import TABLES, Names, Webhooks, build_app
from tests.upstreams import Provider

Store = Callable[..., None]


@pytest.fixture(scope="session")
def observability_uri(database_uri: str, folder: Path) -> str:
    """The database of these tests; on SQLite a file of their own."""
    is_sqlite = database_uri.startswith("sqlite")
    return f"sqlite:///{folder / 'observability.db'}" if is_sqlite else database_uri


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool")
    spool.check()
    yield spool
    spool.close()


@pytest.fixture(scope="session")
def observability_app(observability_uri: str, folder: Path) -> Iterator[Flask]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder, "_spool", None)  # other tests' applications keep theirs
        patch.setattr(delivery, "_webhooks", None)
        patch.setattr(delivery, "_rules", None)
        app = build_app(observability_uri, Spool(folder / "observability-spool"))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(observability_app: Flask, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application with empty tables and a spool of its own, and its context pushed."""
    health = Health(spool, nothing_wrong)
    observability_app.extensions[EXTENSION] = Observability(Ports(Names()), spool, health)
    monkeypatch.setattr(recorder, "_spool", spool)
    monkeypatch.setattr(delivery, "_webhooks", Webhooks())
    with observability_app.app_context():
        yield observability_app
        db.session.rollback()
        for table in TABLES:
            db.session.execute(table.delete())  # type: ignore[attr-defined]
        db.session.commit()
        db.session.remove()


@pytest.fixture
def reader(spool: Spool) -> Iterator[SpoolReader]:
    reader = SpoolReader(spool.folder)
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


@pytest.fixture
def receiver(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Where the webhook of Acme's router is; takes everything unless it is told otherwise."""
    with Provider() as receiver:
        receiver.always(answers.json({}))
        monkeypatch.setattr(delivery, "_webhooks", Webhooks(f"{receiver.url}/hook"))
        monkeypatch.setattr(delivery, "_rules", AddressRules(("127.0.0.1",)))
        yield receiver
