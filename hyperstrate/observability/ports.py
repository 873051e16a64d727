"""What observability needs from others; ``wiring`` fills it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.spending import BudgetState


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A registered model, by the names that people gave it."""

    id: str
    alias: str
    display_name: str
    model_def_key: str
    provider: str


class Ledger(Protocol):
    """Answered by ``auth``: the books of what was spent."""

    def write(self, logs: Sequence[Mapping[str, Any]]) -> None:
        """Enter the calls of these rows of the log, in the present unit of work."""

    def sweep(self) -> None:
        """Clear up after processes that were killed."""


class NoLedger:
    """The books of an installation that has only this module."""

    def write(self, logs: Sequence[Mapping[str, Any]]) -> None: ...

    def sweep(self) -> None: ...


class Names(Protocol):
    """Answered by ``router``, ``ai`` and ``auth``; ids that are gone are left out."""

    def people(self, org_id: str, ids: set[str]) -> Mapping[str, str]: ...
    def routers(self, org_id: str, ids: set[str]) -> Mapping[str, str]: ...
    def models(self, org_id: str, ids: set[str]) -> Mapping[str, ModelRef]: ...


@dataclass(frozen=True, slots=True)
class Beginnings:
    """What an organisation has for its first call; ``router_id`` is empty while none is active."""

    has_model: bool = False
    has_key: bool = False
    router_id: str = ""
    router_name: str = ""


class Inventory(Protocol):
    """Answered by ``router``, ``ai`` and ``auth``: what an organisation has, id -> name."""

    def routers(self, org_id: str) -> Mapping[str, str]: ...
    def models(self, org_id: str) -> Mapping[str, str]: ...
    def api_keys(self, org_id: str) -> Mapping[str, str]: ...
    def beginnings(self, org_id: str) -> Beginnings: ...

    def open_to(self, caller: Caller) -> Mapping[str, str]:
        """The active routers that somebody may call, or at least see."""


class NothingYet:
    """The inventory of an installation that has only this module."""

    def routers(self, org_id: str) -> Mapping[str, str]:
        return {}

    models = api_keys = routers

    def beginnings(self, org_id: str) -> Beginnings:
        return Beginnings()

    def open_to(self, caller: Caller) -> Mapping[str, str]:
        return {}


class Budgets(Protocol):
    """Answered by ``auth``."""

    def nearly_used(self, org_id: str) -> Sequence[BudgetState]:
        """Those that are full, or soon will be; the fullest first."""


class NoBudgets:
    """The budgets of an installation that has only this module."""

    def nearly_used(self, org_id: str) -> Sequence[BudgetState]:
        return ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a router's webhook is, and what its messages are signed with."""

    url: str
    secret: str = field(repr=False)


class Webhooks(Protocol):
    """Answered by ``router``."""

    def endpoint(self, org_id: str, router_id: str) -> Endpoint | None:
        """None while the router has no webhook, or is gone."""

    def listening(self, router_ids: Collection[str]) -> Mapping[str, int]:
        """Those that have a webhook, each with the number of its enabled targets."""


class NobodyListens:
    """The webhooks of an installation that has only this module."""

    def endpoint(self, org_id: str, router_id: str) -> Endpoint | None:
        return None

    def listening(self, router_ids: Collection[str]) -> Mapping[str, int]:
        return {}


def nothing_wrong() -> str:
    return ""


def never() -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Ports:
    """``redis_problem``: what is wrong with Redis now, empty if nothing or if none is used.

    ``times_degraded``: how often the store answered without Redis, in this process.
    ``rules``: which addresses webhooks may have. ``migration_problem``: what is wrong with the
    tables, empty if nothing.
    """

    names: Names
    redis_problem: Callable[[], str] = nothing_wrong
    times_degraded: Callable[[], int] = never
    migration_problem: Callable[[], str] = nothing_wrong
    inventory: Inventory = field(default_factory=NothingYet)
    webhooks: Webhooks = field(default_factory=NobodyListens)
    rules: AddressRules = field(default_factory=lambda: AddressRules(()))
    ledger: Ledger = field(default_factory=NoLedger)
    budgets: Budgets = field(default_factory=NoBudgets)
