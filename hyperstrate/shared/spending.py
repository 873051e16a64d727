"""What a call to a provider may cost, and what is held for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Worst:
    """The most that a call is expected to take."""

    cost_usd: Decimal
    tokens: int


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
