"""Rows by the hundred are the rows that the session would have written, one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from hyperstrate.auth.models import LedgerEntry, LedgerSequence
from hyperstrate.shared.bulk import add_many, insert_many, unknown
from hyperstrate.shared.db import session, unit_of_work
from tests.people import People

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _tables(app: Flask, people: People) -> None:
    """The tables of the module, empty."""


def call(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": f"att_{number}",
        "request_id": "ilog_1",
        "at": NOON,
        "org_id": "org_1",
        "kind": "answer",
        "cost_usd": Decimal("0.0000000001") * number,
        **values,
    }


def columns(entry: LedgerEntry) -> dict[str, Any]:
    return {key.name: getattr(entry, key.name) for key in LedgerEntry.__table__.columns}


def test_what_is_inserted_at_once_is_what_the_session_inserts() -> None:
    with unit_of_work():
        insert_many(LedgerEntry, [call(1), call(2)])
        session.add(LedgerEntry(**call(3)))
    first, second, third = session.scalars(select(LedgerEntry).order_by(LedgerEntry.id))

    assert columns(first) == columns(third) | {"id": "att_1", "cost_usd": Decimal("1e-10")}
    assert (second.at, second.cost_usd, second.is_overflow) == (NOON, Decimal("2e-10"), False)


def test_no_rows_are_no_mistake() -> None:
    with unit_of_work():
        insert_many(LedgerEntry, [])

        assert unknown(LedgerEntry.id, []) == []
        assert add_many(LedgerSequence, [], key=("id",), amounts=("number",)) == []


def test_the_unknown_are_those_that_are_not_there_each_once() -> None:
    with unit_of_work():
        insert_many(LedgerEntry, [call(1), call(2)])

        assert unknown(LedgerEntry.id, [call(3), call(2), call(3), call(4)]) == [call(3), call(4)]


def test_what_is_there_is_refused_and_nothing_is_written() -> None:
    with unit_of_work():
        insert_many(LedgerEntry, [call(1)])

    with pytest.raises(IntegrityError), unit_of_work():
        insert_many(LedgerEntry, [call(2), call(1)])

    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 1


def test_a_value_that_the_database_never_takes_is_an_error_of_sqlalchemy() -> None:
    with pytest.raises((DataError, StatementError, OverflowError)), unit_of_work():
        insert_many(LedgerEntry, [call(1, tokens=10**30)])


def test_a_value_of_a_wrong_kind_is_one_too() -> None:
    with pytest.raises(StatementError, match="astimezone"), unit_of_work():
        insert_many(LedgerEntry, [call(1, at="noon")])


def test_amounts_are_added_or_begun_and_told() -> None:
    def add(number: int) -> list[dict[str, Any]]:
        rows = [{"id": 1, "number": number}, {"id": 2, "number": 10 * number}]
        with unit_of_work():
            return add_many(LedgerSequence, rows, key=("id",), amounts=("number",))

    add(1)
    added = {row["id"]: row["number"] for row in add(5)}

    assert added == {1: 6, 2: 60}
    assert session.scalar(select(LedgerSequence.number).where(LedgerSequence.id == 2)) == 60
