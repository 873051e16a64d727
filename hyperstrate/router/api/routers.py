"""REST: routers and who may use them."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.router import lint, routers
from hyperstrate.router.schemas import (
    AccessSchema,
    CreateRouter,
    GrantAccess,
    LintSchema,
    RouterPage,
    RouterSchema,
    UpdateRouter,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.schemas import SearchArgs

blueprint = Blueprint("router", __name__, url_prefix="/router", description="Routers")


@blueprint.get("")
@require_admin
@blueprint.arguments(SearchArgs, location="query")
@blueprint.response(200, RouterPage)
def find(args: dict[str, Any]) -> Any:
    """Routers, newest first."""
    return routers.find(caller().org_id, **args)


@blueprint.post("")
@require_admin
@blueprint.arguments(CreateRouter)
@blueprint.response(201, RouterSchema)
def create(body: dict[str, Any]) -> Any:
    """Make a router, as a draft."""
    with unit_of_work():
        return routers.create(caller().org_id, **body)


@blueprint.get("/<router_id>")
@require_admin
@blueprint.response(200, RouterSchema)
def get(router_id: str) -> Any:
    """One router."""
    return routers.get(caller().org_id, router_id)


@blueprint.patch("/<router_id>")
@require_admin
@blueprint.arguments(UpdateRouter)
@blueprint.response(200, RouterSchema)
def update(body: dict[str, Any], router_id: str) -> Any:
    """Change a router; 422 when it could not run as active."""
    with unit_of_work():
        return routers.update(caller().org_id, router_id, routers.Changes(**body))


@blueprint.delete("/<router_id>")
@require_admin
@blueprint.response(204)
def delete(router_id: str) -> None:
    """Delete a router with all that belongs to it; its logs stay."""
    with unit_of_work():
        routers.delete(caller().org_id, router_id)


@blueprint.get("/<router_id>/lint")
@require_admin
@blueprint.response(200, LintSchema)
def findings(router_id: str) -> Any:
    """What is wrong, or likely not meant, in how the router is set up."""
    found = lint.findings(routers.get(caller().org_id, router_id))
    is_ok = all(finding.severity != "error" for finding in found)
    return {"router_id": router_id, "ok": is_ok, "issues": found}


@blueprint.get("/<router_id>/access")
@require_admin
@blueprint.response(200, AccessSchema(many=True))
def accesses(router_id: str) -> Any:
    """The teams that may use the router; none: everybody of the organisation."""
    return routers.accesses(caller().org_id, router_id)


@blueprint.post("/<router_id>/access")
@require_admin
@blueprint.arguments(GrantAccess)
@blueprint.response(204)
def grant(body: dict[str, Any], router_id: str) -> None:
    """Let a team use the router."""
    with unit_of_work():
        routers.grant(caller().org_id, router_id, body["team_id"])


@blueprint.delete("/<router_id>/access/<team_id>")
@require_admin
@blueprint.response(204)
def revoke(router_id: str, team_id: str) -> None:
    """Take a team's access away."""
    with unit_of_work():
        routers.revoke(caller().org_id, router_id, team_id)
