"""Which budgets a request falls under, from memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from sqlalchemy import or_, select

from hyperstrate.auth.books import ledger, windows
from hyperstrate.auth.models import Budget
from hyperstrate.shared.cache import VersionedCache
from hyperstrate.shared.db import session
from hyperstrate.shared.scopes import Scopes


@dataclass(slots=True)
class Applying:
    """A budget as the request path sees it."""

    budget: Budget
    raised_until: float
    _window: windows.Window
    _name: str = ""

    def window(self, at: float) -> str:
        """The name of its window at ``at``, Unix seconds."""
        if not self._name or not self._window.start <= at < self._window.end:
            self._window = windows.around(self.budget, at)
            self._name = ledger.window_name(self.budget, at)
        return self._name

    def until_next(self, at: float) -> float | None:
        """Seconds until it begins anew; None when it never does, or bit by bit."""
        self.window(at)
        return self._window.end - at if self._window.end < inf else None

    def limit(self, at: float) -> int | None:
        """What may be used at ``at``; None for a budget that only tells."""
        if not self.budget.is_hard:
            return None
        return self.budget.amount + (self.budget.raised_by if at < self.raised_until else 0)


_applying: VersionedCache[Scopes, tuple[Applying, ...]] = VersionedCache("budgets")


def find(scopes: Scopes, *, is_overflow: bool = False) -> tuple[Applying, ...]:
    """The budgets in force for a call; one that overflows counts in no share. From memory."""
    found = _applying.get(scopes, _load)
    if not is_overflow:
        return found
    return tuple(each for each in found if not each.budget.router_id)


def _load(scopes: Scopes) -> tuple[Applying, ...]:
    pairs = [
        (Budget.scope == kind) & (Budget.scope_id == scope_id) for kind, scope_id in scopes.pairs()
    ]
    wanted = select(Budget).where(
        Budget.org_id == scopes.organization,
        Budget.is_enabled,
        Budget.router_id.in_(("", scopes.router)),
        or_(*pairs),
    )
    found = session.scalars(wanted.execution_options(populate_existing=True)).all()
    return tuple(_as_applying(budget) for budget in found)


def _as_applying(budget: Budget) -> Applying:
    session.expunge(budget)
    return Applying(
        budget,
        raised_until=budget.raised_until.timestamp() if budget.raised_until else 0.0,
        _window=windows.Window(0.0, 0.0),
    )
