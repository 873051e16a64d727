"""A unit of work is done whole or not at all; times are UTC; errors show no values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from hyperstrate.app import create_app
from hyperstrate.config import from_environment
from hyperstrate.prompts.models import Prompt
from hyperstrate.shared.cache import CacheVersion
from hyperstrate.shared.db import (
    after_commit,
    before_commit,
    db,
    insert,
    now,
    session,
    type_id,
    unit_of_work,
)
from tests import servers
from tests.people import People


@pytest.fixture
def org_id(people: People) -> str:
    return people.alice.org_id


def prompt(org_id: str, name: str = "Greeting", **values: object) -> Prompt:
    return Prompt(org_id=org_id, name=name, content="Hello", **values)


def names() -> list[str]:
    return list(session.scalars(text("SELECT name FROM prompts ORDER BY name")))


def test_what_is_done_inside_is_committed(org_id: str) -> None:
    with unit_of_work():
        session.add(prompt(org_id))

    session.rollback()
    assert names() == ["Greeting"]


def test_what_fails_leaves_nothing(org_id: str) -> None:
    def fail() -> None:
        session.add(prompt(org_id))
        session.flush()
        raise KeyError("no")

    with pytest.raises(KeyError), unit_of_work():
        fail()

    assert names() == []


def test_a_commit_that_fails_leaves_nothing_and_tells_nobody(org_id: str) -> None:
    told: list[str] = []

    def fail() -> None:
        after_commit(lambda: told.append("done"))
        session.add(prompt("org_none"))

    with pytest.raises(IntegrityError), unit_of_work():
        fail()
    with unit_of_work():
        session.add(prompt(org_id))

    assert names() == ["Greeting"]
    assert told == []


def test_what_waits_for_the_commit_runs_after_it_in_order(org_id: str) -> None:
    told: list[object] = []

    with unit_of_work():
        after_commit(lambda: told.append(session().in_transaction()))
        after_commit(lambda: told.append("second"))
        session.add(prompt(org_id))
        assert told == []

    assert told == [False, "second"]


def test_what_runs_after_a_commit_may_be_a_unit_of_work_of_its_own(org_id: str) -> None:
    told: list[str] = []

    def go_on() -> None:
        with unit_of_work():
            session.add(prompt(org_id, "second"))
            after_commit(lambda: told.append("third"))

    with unit_of_work():
        session.add(prompt(org_id, "first"))
        after_commit(go_on)
        after_commit(lambda: told.append("fourth"))

    assert names() == ["first", "second"]
    assert told == ["third", "fourth"]


def test_what_waits_for_the_end_is_done_in_the_order_of_its_names_once_each(org_id: str) -> None:
    told: list[str] = []

    with unit_of_work():
        for name, word in (("b", "second"), ("a", "old"), ("a", "first")):
            before_commit(name, lambda word=word: told.append(word))  # type: ignore[misc]
        assert told == []
        after_commit(lambda: told.append("after"))

    assert told == ["first", "second", "after"]


def test_what_waits_for_the_end_is_part_of_the_unit(org_id: str) -> None:
    def fail() -> None:
        before_commit("a", lambda: session.add(prompt(org_id)))
        raise KeyError("no")

    with pytest.raises(KeyError), unit_of_work():
        fail()
    with unit_of_work():
        before_commit("b", lambda: session.add(prompt(org_id, "kept")))

    session.rollback()
    assert names() == ["kept"]


def test_it_waits_for_its_own_commit_only(org_id: str) -> None:
    told: list[str] = []
    with unit_of_work():
        after_commit(lambda: told.append("once"))

    with unit_of_work():
        session.add(prompt(org_id))

    assert told == ["once"]


def test_time_is_utc_and_comes_back_as_it_was(org_id: str) -> None:
    noon = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5)))
    with unit_of_work():
        session.add(row := prompt(org_id, created_at=noon))

    session.expire_all()

    assert row.created_at == noon
    assert row.created_at.utcoffset() == timedelta(0)
    assert now().tzinfo is UTC


def test_a_change_moves_the_time_of_modification_only(org_id: str) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with unit_of_work():
        session.add(row := prompt(org_id, created_at=long_ago, modified_at=long_ago))
    with unit_of_work():
        row.name = "Farewell"

    session.expire_all()
    assert row.created_at == long_ago
    assert now() - row.modified_at < timedelta(minutes=1)


def test_rows_name_themselves(org_id: str) -> None:
    with unit_of_work():
        session.add(row := prompt(org_id))

    assert row.id.startswith("prm_")
    assert type_id("abc") is not type_id("abc")


def test_lists_come_back_as_lists(org_id: str) -> None:
    with unit_of_work():
        session.add(row := prompt(org_id, variables=["ü", '"', "\u2028"]))

    session.expire_all()
    assert row.variables == ["ü", '"', "\u2028"]


def test_an_insert_that_finds_its_row_there_may_change_it(app: Flask) -> None:
    def add() -> None:
        first = insert(CacheVersion).values(topic="t", version=1)
        later = {"version": CacheVersion.version + 1}
        session.execute(first.on_conflict_do_update(index_elements=["topic"], set_=later))

    with unit_of_work():
        add()
        add()

    assert session.get_one(CacheVersion, "t").version == 2


def test_foreign_keys_hold_on_both_databases(org_id: str) -> None:
    with unit_of_work():
        session.add(prompt(org_id))
    with unit_of_work():
        session.execute(text("DELETE FROM auth_organizations WHERE id = :id"), {"id": org_id})

    assert names() == []


def test_an_error_of_the_database_shows_no_values(org_id: str) -> None:
    """Its text goes to the log: what people wrote, and what is secret, does not."""
    row = prompt("org_none")
    row.content = "canary-content"

    with pytest.raises(DBAPIError) as failed, unit_of_work():
        session.add(row)

    assert "canary" not in str(failed.value)


def test_a_file_of_sqlite_takes_readers_beside_a_writer(app: Flask) -> None:
    if session.get_bind().dialect.name != "sqlite":
        return

    modes = [
        session.scalar(text(f"PRAGMA {name}"))
        for name in ("journal_mode", "foreign_keys", "busy_timeout")
    ]

    assert modes == ["wal", 1, 10_000]


def test_after_a_restart_of_the_database_the_next_query_is_answered(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with servers.own_postgres(tmp_path / "postgres") as server:
        dsn = server.get_uri()
        app = create_app(from_environment({**environment, "DATABASE_DSN": dsn}))
        with app.app_context():
            session.execute(select(1))
            session.remove()
            servers.restart(server)

            assert session.scalar(select(1)) == 1

            session.remove()
            db.engine.dispose()
