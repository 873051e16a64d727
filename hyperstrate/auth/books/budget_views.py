"""Budgets as people see them: what is used, what is reserved now, and what is left."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import inf

from hyperstrate.auth import scoped
from hyperstrate.auth.books import amounts, ledger, windows
from hyperstrate.auth.books.counters import Used
from hyperstrate.auth.models import Budget
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.pagination import Page


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A budget with its present window. Amounts are dollars, requests or tokens."""

    budget: Budget
    scope_name: str
    counts: Used
    window: windows.Window

    @property
    def amount(self) -> Decimal:
        return self._for_people(self.budget.amount)

    @property
    def raised_by(self) -> Decimal:
        return self._for_people(self.budget.raised_by)

    @property
    def in_force(self) -> Decimal:
        """The amount, with a raise while that lasts."""
        return self._for_people(amounts.in_force(self.budget))

    @property
    def used(self) -> Decimal:
        """What was spent, also by calls whose entry is still on its way into the ledger."""
        return self._for_people(self.counts.settled)

    @property
    def reserved(self) -> Decimal:
        """What calls hold that are not in the ledger yet."""
        return self._for_people(self.counts.open)

    @property
    def remaining(self) -> Decimal:
        return max(Decimal(0), self.in_force - self.used - self.reserved)

    @property
    def used_percent(self) -> float:
        return _percent(self.used, self.in_force)

    @property
    def reserved_percent(self) -> float:
        return _percent(self.reserved, self.in_force)

    @property
    def window_start(self) -> datetime | None:
        return datetime.fromtimestamp(self.window.start, UTC) if self.window.start else None

    @property
    def window_end(self) -> datetime | None:
        is_endless = self.window.end == inf
        return None if is_endless else datetime.fromtimestamp(self.window.end, UTC)

    @property
    def is_raised(self) -> bool:
        return amounts.in_force(self.budget) != self.budget.amount

    def _for_people(self, amount: int) -> Decimal:
        return amounts.for_people(self.budget.unit, amount)


def of(budget: Budget) -> BudgetView:
    """One budget as it is seen now."""
    return of_all([budget])[0]


def of_page(found: Page[Budget]) -> Page[BudgetView]:
    """A page of budgets."""
    return Page(of_all(found.items), found.meta)


def of_all(found: Iterable[Budget]) -> list[BudgetView]:
    """Budgets of one organization, with one question to the counters."""
    shown = list(found)
    at = time.time()
    names = {budget.id: ledger.window_name(budget, at) for budget in shown}
    used = runtime().spending.used(list(names.values()))
    called = _called(shown)
    return [
        BudgetView(
            budget,
            called.get((budget.scope, budget.scope_id), ""),
            used[names[budget.id]],
            _window(budget, at),
        )
        for budget in shown
    ]


def _called(shown: list[Budget]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for scope in {budget.scope for budget in shown}:
        ids = {budget.scope_id for budget in shown if budget.scope == scope}
        names = scoped.names(shown[0].org_id, scope, ids)
        found |= {(scope, id_): name for id_, name in names.items()}
    return found


def _window(budget: Budget, at: float) -> windows.Window:
    if budget.period == "rolling":
        return windows.Window(windows.rolling_start(budget.rolling_hours, at), inf)
    return windows.around(budget, at)


def _percent(part: Decimal, whole: Decimal) -> float:
    return round(min(100.0, float(part / whole * 100)), 1) if whole else 100.0
