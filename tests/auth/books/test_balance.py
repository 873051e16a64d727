"""Books that balance, and what is said when they do not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import update

from hyperstrate.auth.books import balance
from hyperstrate.auth.models import BudgetUsage, LedgerEntry
from hyperstrate.auth.runtime import runtime, use
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import NotFound
from tests.auth.books.rows import budget, entry, write
from tests.people import People


@dataclass
class Logs:
    """What the log says that requests cost."""

    of: dict[str, Decimal] = field(default_factory=dict)

    def costs(self, org_id: str, request_ids: object) -> dict[str, Decimal]:
        return self.of


@pytest.fixture
def logs(app: Flask) -> Logs:
    """The next test's fixtures put the real ones back."""
    made = Logs()
    use(replace(runtime(), logs=made))
    return made


@pytest.fixture
def org_id(people: People) -> str:
    return people.alice.org_id


def test_entries_sums_counters_and_log_agree_complaint_12(org_id: str, logs: Logs) -> None:
    one = budget(org_id)
    write(entry(org_id, "1.25", request_id="ilog_1"), entry(org_id, "2", request_id="ilog_2"))
    logs.of = {"ilog_1": Decimal("1.25"), "ilog_2": Decimal(2)}

    [found] = balance.check(org_id)

    assert found.is_even
    assert (found.entries, found.sums, found.counters) == (Decimal("3.25"),) * 3
    assert not any((found.open, found.difference, found.log_difference))
    assert balance.of(org_id, one.id).is_even


def test_a_row_that_somebody_changed_is_found(org_id: str) -> None:
    budget(org_id)
    write(entry(org_id, "1"), entry(org_id, "2", id="att_changed"))
    with unit_of_work():
        changed = update(LedgerEntry).where(LedgerEntry.id == "att_changed")
        session.execute(changed.values(cost_usd=Decimal("0.5")))

    [found] = balance.check(org_id)

    assert not found.is_even
    assert found.difference == Decimal("1.5")
    assert (found.entries, found.sums) == (Decimal("1.5"), Decimal(3))


def test_a_log_that_says_something_else_is_found(org_id: str, logs: Logs) -> None:
    budget(org_id)
    write(
        entry(org_id, "1", request_id="ilog_1"),
        entry(org_id, "1", request_id="ilog_1"),
        entry(org_id, "1", request_id="ilog_gone"),
    )
    logs.of = {"ilog_1": Decimal("1.9")}

    [found] = balance.check(org_id)

    assert not found.is_even
    assert found.difference == 0
    assert found.log_difference == Decimal("0.1")


def test_what_is_summed_anew_is_even(org_id: str, people: People) -> None:
    budget(org_id)
    budget(people.carol.org_id)
    write(entry(org_id, "1"))
    with unit_of_work():
        session.execute(update(BudgetUsage).values(used=5))
    assert not balance.check(org_id)[0].is_even

    with unit_of_work():
        count = balance.rebuild()

    [found] = balance.check(org_id)
    assert count == 2
    assert found.entries == found.sums == 1
    assert len(balance.check()) == 2


def test_a_strangers_budget_has_no_balance_here(org_id: str, people: People) -> None:
    one = budget(org_id)

    with pytest.raises(NotFound):
        balance.of(people.carol.org_id, one.id)
    assert balance.check(people.carol.org_id) == []
