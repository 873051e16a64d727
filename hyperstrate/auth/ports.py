"""What auth needs from others; ``wiring`` fills it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from hyperstrate.auth.books.spending import Spending
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.store import Store


class Routers(Protocol):
    """Answered by ``router``: what an API key may be bound to."""

    def exists(self, org_id: str, router_id: str) -> bool: ...

    def names(self, org_id: str, router_ids: Iterable[str] | None = None) -> dict[str, str]:
        """id -> name, by name: of those of ``router_ids`` that exist; without ids, of all."""


class Logs(Protocol):
    """Answered by ``observability``."""

    def costs(self, org_id: str, request_ids: Sequence[str]) -> Mapping[str, Decimal]:
        """What the log says that requests cost, in USD; without those that it has not."""


@dataclass(frozen=True, slots=True)
class ModelNames:
    """A model, its provider's key, and how that calls it, the name in use first."""

    id: str
    provider: str
    names: tuple[str, ...]


class Models(Protocol):
    """Answered by ``ai``."""

    def called(self, org_id: str, since: datetime, until: datetime) -> Sequence[ModelNames]:
        """The models that are registered, and those that were called then and are gone."""

    def providers(self) -> Mapping[str, str]:
        """Key -> label of every provider."""


@dataclass(frozen=True, slots=True)
class Ports:
    routers: Routers
    store: Store
    rules: AddressRules
    spending: Spending
    logs: Logs
    models: Models
