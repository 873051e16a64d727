"""REST for teams and who is in them."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.auth.people import teams
from hyperstrate.auth.schemas.people import (
    ChangeTeam,
    CreateTeam,
    TeamArgs,
    TeamMember,
    TeamPage,
    TeamSchema,
    UserPage,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.schemas import PageArgs

blueprint = Blueprint("teams", __name__, url_prefix="/auth/teams", description="Teams")


@blueprint.get("")
@require_admin
@blueprint.arguments(TeamArgs, location="query")
@blueprint.response(200, TeamPage)
def find(args: dict[str, Any]) -> Any:
    """The organization's teams, by name."""
    return teams.find(caller().org_id, **args)


@blueprint.post("")
@require_admin
@blueprint.arguments(CreateTeam)
@blueprint.response(201, TeamSchema)
def create(body: dict[str, Any]) -> Any:
    """Make a team."""
    with unit_of_work():
        return teams.create(caller().org_id, **body)


@blueprint.get("/<team_id>")
@require_admin
@blueprint.response(200, TeamSchema)
def get(team_id: str) -> Any:
    """One team."""
    return teams.get(caller().org_id, team_id)


@blueprint.patch("/<team_id>")
@require_admin
@blueprint.arguments(ChangeTeam)
@blueprint.response(200, TeamSchema)
def change(body: dict[str, Any], team_id: str) -> Any:
    """Rename, describe, limit, enable or disable a team."""
    with unit_of_work():
        return teams.update(caller().org_id, team_id, body)


@blueprint.delete("/<team_id>")
@require_admin
@blueprint.response(204)
def delete(team_id: str) -> None:
    """Delete a team with its keys and memberships."""
    with unit_of_work():
        teams.delete(caller().org_id, team_id)


@blueprint.get("/<team_id>/members")
@require_admin
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, UserPage)
def members(args: dict[str, Any], team_id: str) -> Any:
    """The people of a team, by e-mail."""
    return teams.members(caller().org_id, team_id, **args)


@blueprint.post("/<team_id>/members")
@require_admin
@blueprint.arguments(TeamMember)
@blueprint.response(204)
def add_member(body: dict[str, Any], team_id: str) -> None:
    """Put a person of the organization into a team; twice is as good as once."""
    with unit_of_work():
        teams.add_member(caller().org_id, team_id, body["user_id"])


@blueprint.delete("/<team_id>/members/<user_id>")
@require_admin
@blueprint.response(204)
def remove_member(team_id: str, user_id: str) -> None:
    """Take a person out of a team."""
    with unit_of_work():
        teams.remove_member(caller().org_id, team_id, user_id)
