"""REST for limits."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.auth import limits
from hyperstrate.auth.schemas.limits import LimitArgs, LimitBody, LimitPage, LimitSchema
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.scopes import SCOPE_KINDS, ScopeKind

blueprint = Blueprint(
    "limits", __name__, url_prefix="/auth/limits", description="How much at a time"
)


@blueprint.get("")
@require_admin
@blueprint.arguments(LimitArgs, location="query")
@blueprint.response(200, LimitPage)
def find(args: dict[str, Any]) -> Any:
    """Everything that has limits."""
    return limits.find(caller().org_id, **args)


@blueprint.get("/<scope>/<scope_id>")
@require_admin
@blueprint.response(200, LimitSchema)
def get(scope: str, scope_id: str) -> Any:
    """The limits of an organization, team, router, api_key or virtual_key."""
    return limits.get(caller().org_id, scope_of(scope), scope_id)


@blueprint.put("/<scope>/<scope_id>")
@require_admin
@blueprint.arguments(LimitBody)
@blueprint.response(200, LimitSchema)
def put(body: dict[str, Any], scope: str, scope_id: str) -> Any:
    """Set all limits of a scope. Every process knows them within a second."""
    with unit_of_work():
        return limits.set(caller().org_id, scope_of(scope), scope_id, **body)


@blueprint.delete("/<scope>/<scope_id>")
@require_admin
@blueprint.response(204)
def clear(scope: str, scope_id: str) -> None:
    """Take all limits of a scope away."""
    with unit_of_work():
        limits.get(caller().org_id, scope_of(scope), scope_id)
        limits.clear(caller().org_id, scope_of(scope), scope_id)


def scope_of(word: str) -> ScopeKind:
    """Raises NotFound."""
    for scope in SCOPE_KINDS:
        if scope == word:
            return scope
    raise NotFound(f"limits are of one of: {' '.join(SCOPE_KINDS)}")
