"""What the views share: the module's parts, and names beside ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app

from hyperstrate.observability.health import Health
from hyperstrate.observability.ports import ModelRef, Ports
from hyperstrate.shared.spool import Spool

EXTENSION = "observability"


@dataclass(frozen=True, slots=True)
class Observability:
    """What the views need."""

    ports: Ports
    spool: Spool
    health: Health


def observability() -> Observability:
    """The module's parts in the present application."""
    found: Observability = current_app.extensions[EXTENSION]
    return found


class Named:
    """An item of a list, with the router and the model that its ids mean; None where gone."""

    def __init__(self, item: Any, *, router: RouterRef | None, model: ModelRef | None) -> None:
        self._item = item
        self.router = router
        self.model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)


@dataclass(frozen=True, slots=True)
class RouterRef:
    """A router, by the name that people gave it."""

    id: str
    name: str


def named(org_id: str, items: Iterable[Any]) -> list[Named]:
    """``items`` with the names of their ``router_id`` and ``model_id``, asked for together."""
    found = list(items)
    names = observability().ports.names
    router_ids = {id for item in found if (id := getattr(item, "router_id", ""))}
    model_ids = {id for item in found if (id := getattr(item, "model_id", ""))}
    routers = names.routers(org_id, router_ids) if router_ids else {}
    models = names.models(org_id, model_ids) if model_ids else {}
    return [
        Named(
            item,
            router=_router_ref(item, routers),
            model=models.get(getattr(item, "model_id", "")),
        )
        for item in found
    ]


def _router_ref(item: Any, names: Mapping[str, str]) -> RouterRef | None:
    """A router that is gone keeps the name that it had when the log was written."""
    router_id = getattr(item, "router_id", "")
    name = names.get(router_id) or getattr(item, "router_name", "")
    return RouterRef(router_id, name) if router_id and name else None
