"""The shares that the interceptor ``team_budget`` gives teams: checked, and kept as budgets."""

from __future__ import annotations

from decimal import Decimal

from hyperstrate.router import routers
from hyperstrate.router.interceptors.team_budget import TeamBudget
from hyperstrate.router.models import Router, RouterInterceptor
from hyperstrate.shared.errors import Conflict, NotFound
from hyperstrate.shared.spending import Share


def refuse_second(router: Router, kind: str) -> None:
    """A team has one share of a router. Raises Conflict."""
    if kind == TeamBudget.name and any(row.type == kind for row in router.interceptors):
        raise Conflict(f"this router has the interceptor {kind} already")


def resolve(router: Router, interceptor: RouterInterceptor) -> None:
    """Let its settings name targets by their ids, where they named models as the original did.

    Raises NotFound for a target that the router has not, and a team that the organisation has not.
    """
    if interceptor.type != TeamBudget.name:
        return
    config = interceptor.config
    for team_id in config["budgets"]:
        if not routers.ports().teams.exists(router.org_id, team_id):
            raise NotFound("team not found")
    interceptor.config = {
        "budgets": {
            team_id: share | {"overflow_target_id": _target(router, share["overflow_target_id"])}
            for team_id, share in config["budgets"].items()
        },
        "overflow_target_id": _target(router, config["overflow_target_id"]),
    }


def _target(router: Router, named: str) -> str:
    if not named:
        return ""
    found = next((row.id for row in router.targets if named in (row.id, row.model_id)), None)
    if found is None:
        raise NotFound("overflow target not found")
    return found


def keep(router: Router) -> None:
    """Let the budgets say what the interceptor says, while it is on."""
    shares = {
        team_id: Share(Decimal(repr(share["max_cost_usd"])), share["period"])
        for row in router.interceptors
        if row.type == TeamBudget.name and row.is_enabled
        for team_id, share in row.config["budgets"].items()
    }
    routers.ports().shares.keep(router.org_id, router.id, shares)
