"""The list of models that a caller can name, in words that both SDKs read."""

from __future__ import annotations

from typing import Any

from hyperstrate.router import routers
from hyperstrate.router.admission import check_access, check_direct, is_open
from hyperstrate.router.paths import Path
from hyperstrate.router.plan import Plans
from hyperstrate.router.stage import Plan
from hyperstrate.shared.cache import VersionedCache
from hyperstrate.shared.guards import Caller

EPOCH = "1970-01-01T00:00:00Z"
_active: VersionedCache[str, dict[str, set[str]]] = VersionedCache("plans")


def body(path: Path, caller: Caller, plans: Plans) -> dict[str, Any]:
    """A router's own name and its targets' models; without a router, all that the caller may use.

    Raises Forbidden, NotFound.
    """
    router_id = path.id if path.place == "router" else caller.router_id
    if path.place == "model":
        check_direct(caller)
        entries = [_entry(target.model.upstream_model, target.model.provider)
                   for target in plans.direct(caller.org_id, path.id).targets]  # fmt: skip
    elif router_id:
        plan = plans.get(caller.org_id, router_id)
        check_access(plan, caller)
        entries = _of_plan(plan)
    else:
        known = _active.get(caller.org_id, routers.active)
        names = [name for name, team_ids in known.items() if is_open(team_ids, caller)]
        entries = [_entry(name, "hyperstrate") for name in names]
    return {
        "object": "list",
        "data": entries,
        "has_more": False,
        "first_id": entries[0]["id"] if entries else None,
        "last_id": entries[-1]["id"] if entries else None,
    }


def _of_plan(plan: Plan) -> list[dict[str, Any]]:
    known = {plan.name: "hyperstrate"}
    for target in plan.targets:
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
