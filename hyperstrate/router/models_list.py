"""The list of models that a caller can name, in words that both SDKs read."""

from __future__ import annotations

from typing import Any

from hyperstrate.router import routers
from hyperstrate.router.admission import check_access, check_direct, is_open, permitted
from hyperstrate.router.paths import Path
from hyperstrate.router.plan import Plans
from hyperstrate.router.routers import ActiveRouter
from hyperstrate.router.stage import Plan
from hyperstrate.shared.cache import VersionedCache
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.guards import Caller

EPOCH = "1970-01-01T00:00:00Z"
_active: VersionedCache[str, list[ActiveRouter]] = VersionedCache("plans")


def body(path: Path, caller: Caller, plans: Plans) -> dict[str, Any]:
    """The list of what the caller may name, or the one entry that the path asks for.

    Raises Forbidden, NotFound.
    """
    entries = _entries(path, caller, plans)
    name = path.endpoint.model
    if name:
        return _one(entries, name)
    return {
        "object": "list",
        "data": entries,
        "has_more": False,
        "first_id": entries[0]["id"] if entries else None,
        "last_id": entries[-1]["id"] if entries else None,
    }


def _one(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for entry in entries:
        if entry["id"] == name:
            return entry
    raise NotFound(f"no model is named {name[:100]!r}")


def _entries(path: Path, caller: Caller, plans: Plans) -> list[dict[str, Any]]:
    """A router's own name and its targets' models; without a router, all that the caller may
    use."""
    router_id = path.id if path.place == "router" else caller.router_id
    if path.place == "model":
        check_direct(caller)
        targets = permitted(plans.direct(caller.org_id, path.id), caller)
        return [_entry(target.model.upstream_model, target.model.provider) for target in targets]
    if router_id:
        plan = plans.get(caller.org_id, router_id)
        check_access(plan, caller)
        return _of_plan(plan, caller)
    known = _active.get(caller.org_id, routers.active)
    return [_entry(router.name, "hyperstrate") for router in known if _is_permitted(router, caller)]


def _is_permitted(router: ActiveRouter, caller: Caller) -> bool:
    is_named = caller.rules is None or caller.rules.opens(router.id)
    return is_named and is_open(router.team_ids, caller)


def _of_plan(plan: Plan, caller: Caller) -> list[dict[str, Any]]:
    known = {plan.name: "hyperstrate"}
    for target in permitted(plan, caller):
        known.setdefault(target.model.upstream_model, target.model.provider)
    return [_entry(name, owner) for name, owner in known.items()]


def _entry(name: str, owner: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "type": "model",
        "created": 0,
        "created_at": EPOCH,
        "display_name": name,
        "owned_by": owner.lower(),
    }
