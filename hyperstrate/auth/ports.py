"""What auth needs from others; ``wiring`` fills it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from hyperstrate.shared.store import Store


class Routers(Protocol):
    """Answered by ``router``: what an API key may be bound to."""

    def exists(self, org_id: str, router_id: str) -> bool: ...

    def names(self, org_id: str, router_ids: Iterable[str] | None = None) -> dict[str, str]:
        """id -> name, by name: of those of ``router_ids`` that exist; without ids, of all."""


@dataclass(frozen=True, slots=True)
class Ports:
    routers: Routers
    store: Store
