"""REST for the people of an organization."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.auth.people import directory
from hyperstrate.auth.schemas.people import ChangeUser, EndedSchema, UserPage, UserSchema
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.schemas import SearchArgs

blueprint = Blueprint("users", __name__, url_prefix="/auth/users", description="People")


@blueprint.get("")
@require_admin
@blueprint.arguments(SearchArgs, location="query")
@blueprint.response(200, UserPage)
def find(args: dict[str, Any]) -> Any:
    """The organization's people, by e-mail."""
    return directory.people(caller().org_id, **args)


@blueprint.get("/<user_id>")
@require_admin
@blueprint.response(200, UserSchema)
def get(user_id: str) -> Any:
    """One person."""
    return directory.person(caller().org_id, user_id)


@blueprint.patch("/<user_id>")
@require_admin
@blueprint.arguments(ChangeUser)
@blueprint.response(200, UserSchema)
def change(body: dict[str, Any], user_id: str) -> Any:
    """Change role or name, enable or disable. A new role ends the person's sessions here."""
    if body.pop("org_id", caller().org_id) != caller().org_id:
        raise NotFound("organization not found")
    with unit_of_work():
        return directory.change(caller().org_id, user_id, body)


@blueprint.delete("/<user_id>")
@require_admin
@blueprint.response(204)
def remove(user_id: str) -> None:
    """Take a person out of the organization; who belongs to no other one is deleted."""
    with unit_of_work():
        directory.remove(caller().org_id, user_id)


@blueprint.delete("/<user_id>/sessions")
@require_admin
@blueprint.response(200, EndedSchema)
def end_sessions(user_id: str) -> Any:
    """Sign a person out of this organization, everywhere."""
    with unit_of_work():
        return {"ended": directory.end_sessions(caller().org_id, user_id)}
