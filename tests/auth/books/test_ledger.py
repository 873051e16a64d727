"""The ledger: every call once, whatever comes twice, late or at the same time; sums that agree."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from hyperstrate.auth.books import ledger
from hyperstrate.auth.models import BudgetUsage, LedgerEntry
from hyperstrate.shared.db import db, session, unit_of_work
from hyperstrate.shared.money import to_units
from tests.auth.books.rows import budget, entry, summed, write
from tests.people import People

HOUR = 3600
PERIODS: list[dict[str, Any]] = [
    {"period": "daily"},
    {"period": "daily", "time_zone": "Asia/Kathmandu"},
    {"period": "weekly", "time_zone": "America/New_York"},
    {"period": "monthly", "time_zone": "Europe/Berlin"},
    {"period": "rolling", "rolling_hours": 24},
    {"period": "total"},
]


@pytest.fixture
def org_id(people: People) -> str:
    return people.alice.org_id


def call(number: int = 1, **values: Any) -> dict[str, Any]:
    """A call as the log has it."""
    given = {
        "id": f"att_{number}",
        "at": 1_790_000_000.0,
        "model_id": "mdl_1",
        "status": "success",
        "error_code": "",
        "usage": {"input_tokens": 7, "output_tokens": 3, "is_estimated": False},
        "cost_usd": "0.0000000001",
        "reserved": 5,
        "price_version": "2",
    }
    return {**given, **values}


def log(*calls: dict[str, Any]) -> dict[str, Any]:
    names = ("team_id", "router_id", "api_key_id", "virtual_key_id", "user_id", "provider")
    return {"id": "ilog_1", "org_id": "org_1", **dict.fromkeys(names, "x"), "attempts": calls}


def test_every_call_of_a_request_is_an_entry_and_the_first_is_its_request() -> None:
    failed = call(1, status="error", error_code="timeout")
    gone = call(3, status="error", error_code="cancelled")

    rows = ledger.rows_of(log(failed, call(2), gone))

    assert [row["id"] for row in rows] == ["att_1", "att_2", "att_3"]
    assert [row["requests"] for row in rows] == [1, 0, 0]
    assert [row["kind"] for row in rows] == ["failed", "answer", "cancelled"]
    assert rows[1]["cost_usd"] == Decimal("0.0000000001")
    assert (rows[1]["tokens"], rows[1]["reserved_usd"]) == (10, Decimal("5e-10"))
    assert rows[1]["at"].timestamp() == 1_790_000_000.0


def test_a_request_that_called_nobody_costs_nothing() -> None:
    assert ledger.rows_of(log()) == []


def test_what_is_written_twice_counts_once_complaint_1(org_id: str) -> None:
    one, row = budget(org_id), entry(org_id, "2.5")

    first, second = write(row), write(row)

    assert [(grown.before, grown.used) for grown in first] == [(0, to_units(Decimal("2.5")))]
    assert second == []
    assert summed(one) == to_units(Decimal("2.5"))


def test_a_call_taken_for_lost_is_corrected_when_its_line_comes(org_id: str) -> None:
    one, row = budget(org_id), entry(org_id, "2")
    write({**row, "kind": ledger.VOID, "cost_usd": Decimal(0), "requests": 0, "tokens": 0})
    assert summed(one) == 0

    write(row)
    write({**row, "kind": ledger.VOID, "cost_usd": Decimal(0)})
    write(row)

    assert summed(one) == to_units(Decimal(2))
    assert ledger.spent(one, time.time()) == to_units(Decimal(2))
    assert session.scalars(select(LedgerEntry.kind)).all() == ["answer"]


def test_sums_and_entries_agree_whatever_is_written(org_id: str, people: People) -> None:
    dice = random.Random(20261122)
    now, team_id = time.time(), people.alice.team_id
    made = [
        budget(org_id, scope, scope_id, unit=unit, **period)
        for scope, scope_id in (("organization", org_id), ("team", team_id))
        for unit in ("usd", "requests", "tokens")
        for period in PERIODS
    ]
    rows = [
        entry(
            org_id,
            str(Decimal(dice.randrange(10**12)) / 10**10),
            at=now - dice.choice((1, HOUR, 24 * HOUR, 40 * 24 * HOUR)) * dice.random(),
            team_id=dice.choice((team_id, "other", "")),
            tokens=dice.randrange(10**6),
            requests=dice.choice((0, 1)),
        )
        for _ in range(200)
    ]

    while rows:
        size = dice.randrange(1, 40)
        write(*rows[:size], *dice.sample(rows[:size], 1))
        rows = rows[size:]

    assert [summed(one) for one in made] == [ledger.spent(one, now) for one in made]
    assert min(summed(one) for one in made if one.period == "total") > 0


def test_a_budget_made_later_counts_what_was_spent(org_id: str) -> None:
    now = time.time()
    write(entry(org_id, "2"), entry(org_id, "3", at=now - 400 * 24 * HOUR))

    assert summed(budget(org_id, period="total")) == to_units(Decimal(5))
    assert summed(budget(org_id, period="rolling", rolling_hours=48)) == to_units(Decimal(2))
    assert summed(budget(org_id, period="monthly")) == to_units(Decimal(2))


def test_budgets_count_their_own_organization(people: People, org_id: str) -> None:
    """Also where the ids of another one's team come into an entry."""
    other = people.carol
    made = [
        budget(org_id),
        budget(other.org_id),
        budget(other.org_id, "team", other.team_id),
    ]

    write(entry(org_id, "3", team_id=other.team_id))

    assert [summed(one) for one in made] == [to_units(Decimal(3)), 0, 0]


def test_a_rolling_window_forgets_hour_by_hour(
    org_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = budget(org_id, period="rolling", rolling_hours=2)
    now = time.time()
    write(entry(org_id, "1", at=now))
    write(entry(org_id, "2", at=now - HOUR))

    monkeypatch.setattr(time, "time", lambda: now + 2 * HOUR)

    assert summed(one) == to_units(Decimal(1))


def test_what_comes_too_late_for_a_rolling_window_lets_it_grow_by_nothing(org_id: str) -> None:
    budget(org_id, period="rolling", rolling_hours=2)

    [grown] = write(entry(org_id, "1", at=time.time() - 5 * HOUR))

    assert grown.before == grown.used == 0


def test_summing_anew_mends_sums(org_id: str) -> None:
    one = budget(org_id)
    write(entry(org_id, "4"))
    with unit_of_work():
        usage = session.scalars(select(BudgetUsage)).one()
        usage.used = 17

    with unit_of_work():
        ledger.rebuild(one)

    assert summed(one) == to_units(Decimal(4))


@pytest.fixture
def two(app: Flask, org_id: str) -> Iterator[list[threading.Thread]]:
    """Two recorders that write the same 60 calls, batch by batch, in their own order."""
    rows = [entry(org_id, "0.1") for _ in range(60)]

    def record(seed: int) -> None:
        mixed = random.Random(seed).sample(rows, len(rows))
        with app.app_context():
            for start in range(0, len(mixed), 10):
                write(*mixed[start : start + 10])
            db.session.remove()

    threads = [threading.Thread(target=record, args=(seed,)) for seed in (1, 2)]
    yield threads
    for thread in threads:
        thread.join()


def test_two_recorders_at_once_count_every_call_once_complaint_11(
    org_id: str, two: list[threading.Thread]
) -> None:
    made = [budget(org_id), budget(org_id, unit="requests", period="daily")]

    for thread in two:
        thread.start()
    for thread in two:
        thread.join()

    session.rollback()
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 60
    assert summed(made[0]) == to_units(Decimal(6))
    assert summed(made[1]) == 60
