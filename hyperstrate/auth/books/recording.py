"""The books as the recorder keeps them: entries with the log's rows, then the counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hyperstrate.auth.books import amounts, ledger
from hyperstrate.auth.books.ledger import Grown
from hyperstrate.auth.books.spending import Spending
from hyperstrate.events import BudgetCrossed, budget_crossed
from hyperstrate.shared.db import after_commit


class Books:
    """Answers observability: finished requests become entries of the ledger, once each."""

    def __init__(self, spending: Spending) -> None:
        self._spending = spending

    def write(self, logs: Sequence[Mapping[str, Any]]) -> None:
        """Enter the calls of these rows of the log, in the present unit of work."""
        rows = {row["id"]: row for log in logs for row in ledger.rows_of(log)}
        if not rows:
            return
        grown = ledger.write(list(rows.values()))
        after_commit(lambda: self._tell(grown, list(rows)))

    def sweep(self) -> None:
        """Clear up after processes that were killed. Every few seconds."""
        self._spending.sweep()

    def _tell(self, grown: Sequence[Grown], call_ids: Sequence[str]) -> None:
        if grown:
            names = {window.name for window in grown}
            self._spending.take_over(names, call_ids)
        for window in grown:
            for percent in _crossed(window) if window.budget.is_enabled else ():
                budget_crossed.emit(_event(window, percent))


def _crossed(window: Grown) -> list[int]:
    """The percents of the budget that were reached just now."""
    limit = amounts.in_force(window.budget)
    marks = sorted({*window.budget.alert_percents, 100})
    return [
        percent for percent in marks if window.before * 100 < percent * limit <= window.used * 100
    ]


def _event(window: Grown, percent: int) -> BudgetCrossed:
    budget = window.budget
    return BudgetCrossed(
        org_id=budget.org_id,
        budget_id=budget.id,
        scope=budget.scope,
        scope_id=budget.scope_id,
        window=window.name,
        percent=percent,
        is_hard=budget.is_hard,
        used=amounts.for_people(budget.unit, window.used),
        amount=amounts.for_people(budget.unit, amounts.in_force(budget)),
        unit=budget.unit,
    )
