"""Readiness names each part, and tells what is missing from what does not work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy import event as database_event
from sqlalchemy.exc import OperationalError

from hyperstrate.observability.health import Health, Part
from hyperstrate.shared.db import db
from hyperstrate.shared.spool import Spool


def fine() -> str:
    return ""


@contextmanager
def database_away() -> Iterator[None]:
    def fail(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("away"))

    engine = db.engine
    database_event.listen(engine, "before_cursor_execute", fail)
    yield
    database_event.remove(engine, "before_cursor_execute", fail)


def test_all_is_well(app: Flask, spool: Spool) -> None:
    spool.append(b"waits")

    readiness = Health(spool, fine).readiness()

    assert readiness.status == "ok"
    assert set(readiness.parts.values()) == {Part("ok")}
    assert readiness.backlog_bytes == 6


def test_a_database_that_goes_away_only_degrades(app: Flask, spool: Spool) -> None:
    health = Health(spool, fine)
    health.readiness()

    with database_away():
        readiness = health.readiness()

    assert readiness.status == "degraded"
    assert readiness.parts["database"] == Part("degraded", "OperationalError")
    assert health.readiness().status == "ok"


def test_a_database_that_was_never_there_is_not_enough(app: Flask, spool: Spool) -> None:
    with database_away():
        readiness = Health(spool, fine).readiness()

    assert readiness.status == "unavailable"


def test_without_redis_it_is_degraded(app: Flask, spool: Spool) -> None:
    readiness = Health(spool, lambda: "connection refused").readiness()

    assert readiness.status == "degraded"
    assert readiness.parts["redis"] == Part("degraded", "connection refused")


def test_a_spool_that_cannot_be_written_is_not_enough(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    readiness = Health(Spool(tmp_path / "file" / "spool"), lambda: "away").readiness()

    assert readiness.status == "unavailable"
    assert readiness.parts["spool"].status == "unavailable"
    assert str(tmp_path) not in readiness.parts["spool"].problem
