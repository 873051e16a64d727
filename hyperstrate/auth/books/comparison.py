"""Theirs and ours of a model: how far they are apart, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from hyperstrate.auth.books.bill_columns import Billed, Quantity
from hyperstrate.auth.books.provider_csv import Bill
from hyperstrate.shared.db import now

State: TypeAlias = Literal["even", "within 1 %", "differs"]
STATES: tuple[State, ...] = ("even", "within 1 %", "differs")


@dataclass(slots=True)
class Entered:
    """What the ledger has of one model on one day. ``requests``: calls that were answered or used
    something, as providers count them; ``estimated`` of those have tokens that we counted."""

    tokens: int = 0
    requests: int = 0
    cost_usd: Decimal = Decimal(0)
    estimated: int = 0
    price_versions: set[str] = field(default_factory=set)
    model_ids: set[str] = field(default_factory=set)

    def add(self, other: Entered) -> None:
        """Count ``other`` as well."""
        self.tokens += other.tokens
        self.requests += other.requests
        self.cost_usd += other.cost_usd
        self.estimated += other.estimated
        self.price_versions |= other.price_versions
        self.model_ids |= other.model_ids


@dataclass(slots=True)
class Line:
    """Theirs and ours of one model, on one ``day`` or, without, on all; ``says``: what is compared.

    Differences are theirs less ours: what the provider has more of.
    """

    model: str
    day: date | None
    says: tuple[Quantity, ...]
    theirs: Billed = field(default_factory=Billed)
    ours: Entered = field(default_factory=Entered)

    def difference(self, name: Quantity) -> Decimal:
        return Decimal(getattr(self.theirs, name)) - Decimal(getattr(self.ours, name))

    def percent(self, name: Quantity) -> Decimal | None:
        """The difference in percent of theirs; None of nothing."""
        theirs = Decimal(getattr(self.theirs, name))
        return self.difference(name) * 100 / theirs if theirs else None

    @property
    def state(self) -> State:
        """The worst of what is compared."""
        return max((self._state(name) for name in self.says), key=STATES.index)

    def _state(self, name: Quantity) -> State:
        gap = abs(self.difference(name))
        if gap <= (self.theirs.rounded_by if name == "cost_usd" else 0):
            return "even"
        return "within 1 %" if gap * 100 <= abs(getattr(self.theirs, name)) else "differs"

    @property
    def is_matter_of_price(self) -> bool:
        """As many tokens, and not as many dollars."""
        if not {"tokens", "cost_usd"} <= set(self.says):
            return False
        return self._state("tokens") != "differs" and self._state("cost_usd") == "differs"

    @property
    def reasons(self) -> list[str]:
        """Why they differ, as far as it can be known here."""
        return list(_reasons(self)) if self.state != "even" else []


@dataclass(frozen=True, slots=True)
class Comparison:
    """``models``: each model over all days; ``days``: each model day by day."""

    provider: str
    since: date
    until: date
    bill: Bill
    total: Line
    models: list[Line]
    days: list[Line]


def _reasons(line: Line) -> Iterator[str]:
    theirs, ours = line.theirs, line.ours
    if not (ours.requests or ours.tokens or ours.cost_usd):
        yield "Nothing of it went through here: a key of the account is used past the gateway."
        return
    if not any(getattr(theirs, name) for name in line.says):
        yield "Not in the file: another account paid, or it is not billed yet."
    elif line.is_matter_of_price:
        versions = ", ".join(sorted(ours.price_versions - {""})) or "none"
        yield f"The tokens agree: the price differs (here: price version {versions})."
    if ours.tokens and not ours.cost_usd:
        yield "The price is not known here: it is counted as free."
    if ours.estimated:
        yield f"Tokens of {ours.estimated:,} of our calls are estimated."
    if len(ours.price_versions) > 1:
        yield "Our price changed within this time."
    if line.day and line.day >= now().date():
        yield "The day is not over."
