"""Budgets as people see them: what is used, what is reserved now, and what is left."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import inf

from hyperstrate.auth import scoped
from hyperstrate.auth.books import amounts, budgets, ledger, windows
from hyperstrate.auth.books.counters import Used
from hyperstrate.auth.models import Budget
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.pagination import Page
from hyperstrate.shared.spending import BudgetState


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
    def filled_percent(self) -> float:
        return self.used_percent + self.reserved_percent

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
    windows_ = {budget.id: ledger.window_name(budget, at) for budget in shown}
    used = runtime().spending.used(list(windows_.values()))
    called = names_of(shown)
    return [
        BudgetView(
            budget,
            called[budget.id],
            used[windows_[budget.id]],
            _window(budget, at),
        )
        for budget in shown
    ]


def names_of(shown: list[Budget]) -> dict[str, str]:
    """What the budgets of one organization are of, by the budget's id."""
    called = _called(shown)
    return {budget.id: _name(budget, called) for budget in shown}


def nearly_used(org_id: str, percent: float = 90.0) -> list[BudgetState]:
    """The budgets in force of which so much is used or reserved, the fullest first."""
    views = of_all(budgets.half_used(org_id))
    full = [view for view in views if view.filled_percent >= percent]
    return [state(view) for view in sorted(full, key=lambda view: -view.filled_percent)]


def on_router(org_id: str, router_id: str) -> list[BudgetState]:
    """The budgets in which calls of a router count, whoever makes them; and its teams' shares."""
    return [state(view) for view in of_all(budgets.of_router(org_id, router_id))]


def state(view: BudgetView) -> BudgetState:
    """A budget for those who do not keep it."""
    budget = view.budget
    return BudgetState(
        id=budget.id,
        name=budget.name,
        scope=budget.scope,
        scope_name=view.scope_name,
        unit=budget.unit,
        in_force=view.in_force,
        used=view.used,
        reserved=view.reserved,
        used_percent=view.used_percent,
        reserved_percent=view.reserved_percent,
    )


def _called(shown: list[Budget]) -> dict[tuple[str, str], str]:
    """(scope, id) -> name of what budgets are of, and of the routers that shares are of."""
    wanted = {(budget.scope, budget.scope_id) for budget in shown}
    wanted |= {("router", budget.router_id) for budget in shown if budget.router_id}
    found: dict[tuple[str, str], str] = {}
    for scope in {scope for scope, _ in wanted}:
        ids = {id_ for kind, id_ in wanted if kind == scope}
        names = scoped.names(shown[0].org_id, scope, ids)
        found |= {(scope, id_): name for id_, name in names.items()}
    return found


def _name(budget: Budget, called: dict[tuple[str, str], str]) -> str:
    name = called.get((budget.scope, budget.scope_id), "")
    router = called.get(("router", budget.router_id))
    return f"{name} on {router}" if router else name


def _window(budget: Budget, at: float) -> windows.Window:
    if budget.period == "rolling":
        return windows.Window(windows.rolling_start(budget.rolling_hours, at), inf)
    return windows.around(budget, at)


def _percent(part: Decimal, whole: Decimal) -> float:
    return round(min(100.0, float(part / whole * 100)), 1) if whole else 100.0
