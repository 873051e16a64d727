"""Do the books balance: what entries, sums, counters and the log each say of every budget."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select

from hyperstrate.auth.books import amounts, budgets, ledger
from hyperstrate.auth.models import Budget, LedgerEntry
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.db import after_commit, session

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Balance:
    """One budget's window, counted four times; amounts are dollars, requests or tokens.

    ``counters`` leaves out what is open. ``log_difference``: dollars by which the log and the
    entries disagree over the requests of the window.
    """

    budget: Budget
    entries: Decimal
    sums: Decimal
    counters: Decimal
    open: Decimal
    log_difference: Decimal

    @property
    def is_even(self) -> bool:
        return self.entries == self.sums == self.counters and not self.log_difference

    @property
    def difference(self) -> Decimal:
        """The largest one between entries, sums and counters."""
        said = (self.entries, self.sums, self.counters)
        return max(said) - min(said)


def check(org_id: str = "") -> list[Balance]:
    """The balance of every budget of an organization, or of all organizations."""
    wanted = select(Budget).order_by(Budget.org_id, Budget.id)
    if org_id:
        wanted = wanted.where(Budget.org_id == org_id)
    at = time.time()
    return [_balance(budget, at) for budget in session.scalars(wanted)]


def of(org_id: str, budget_id: str) -> Balance:
    """The balance of one budget. Raises NotFound."""
    return _balance(budgets.get(org_id, budget_id), time.time())


def rebuild() -> int:
    """Sum the ledger anew for every budget; how many those are."""
    found = session.scalars(select(Budget).order_by(Budget.id)).all()
    for budget in found:
        ledger.rebuild(budget)
    names = [ledger.window_name(budget, time.time()) for budget in found]
    after_commit(lambda: runtime().spending.take_over(names, ()))
    return len(found)


def _balance(budget: Budget, at: float) -> Balance:
    name = ledger.window_name(budget, at)
    counted = runtime().spending.used([name])[name]
    parts = (
        ledger.spent(budget, at),
        ledger.sums([name]).by_window[name],
        counted.settled,
        counted.open,
    )
    entries, sums, counters, opened = (amounts.for_people(budget.unit, part) for part in parts)
    return Balance(budget, entries, sums, counters, opened, _log_difference(budget, at))


def _log_difference(budget: Budget, at: float) -> Decimal:
    """All entries of the window's requests against the costs in the log."""
    own = select(LedgerEntry.request_id).where(ledger.matching(budget, at)).distinct()
    ids = [id_ for id_ in session.scalars(own) if id_]
    apart = Decimal(0)
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        logged = runtime().logs.costs(budget.org_id, part)
        for request_id, cost_usd in _entered(part):
            if request_id in logged:
                apart += abs(cost_usd - logged[request_id])
    return apart


def _entered(request_ids: list[str]) -> list[tuple[str, Decimal]]:
    rows = session.execute(
        select(LedgerEntry.request_id, func.sum(LedgerEntry.cost_usd))
        .where(LedgerEntry.request_id.in_(request_ids))
        .group_by(LedgerEntry.request_id)
    )
    return [(request_id, cost_usd) for request_id, cost_usd in rows]
