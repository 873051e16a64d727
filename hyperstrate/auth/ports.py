"""What auth needs from others; ``wiring`` fills it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from hyperstrate.shared.store import Store


class Routers(Protocol):
    """Answered by ``router``: what an API key may be bound to."""

    def exists(self, org_id: str, router_id: str) -> bool: ...

    def names(self, org_id: str, router_ids: Iterable[str]) -> dict[str, str]:
        """id -> name of those that exist."""

    def all_names(self, org_id: str) -> dict[str, str]:
        """id -> name of every router, for the form that makes a key."""


@dataclass(frozen=True, slots=True)
class Ports:
    routers: Routers
    store: Store
