"""What a call to a provider may cost, what is held for it, and how full budgets are."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Worst:
    """The most that a call is expected to take."""

    cost_usd: Decimal
    tokens: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a team may spend on a router: dollars in a day, week or month."""

    max_cost_usd: Decimal
    period: str


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget as it is now, for people. Amounts are dollars, requests or tokens: its ``unit``.

    ``scope`` is a ScopeKind. ``in_force``: its size, with a raise while that lasts.
    """

    id: str
    name: str
    scope: str
    scope_name: str
    unit: str
    in_force: Decimal
    used: Decimal
    reserved: Decimal
    used_percent: float
    reserved_percent: float


@dataclass(slots=True)
class Reservation:
    """A call that was admitted: its id in the ledger, and when it began (Unix seconds).

    ``units`` is what is held of money (:mod:`hyperstrate.shared.money`); ``windows`` are those
    of the budgets it counts in, each with its unit.
    """

    id: str
    at: float
    units: int = 0
    windows: tuple[tuple[str, str], ...] = field(default=())
