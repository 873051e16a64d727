"""REST for teams, people and organizations."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.auth import directory, teams
from hyperstrate.auth.schemas import (
    ChangeTeam,
    CreateTeam,
    OrganizationPage,
    TeamArgs,
    TeamPage,
    TeamSchema,
    UserPage,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.schemas import PageArgs

blueprint = Blueprint("directory", __name__, url_prefix="/auth", description="Teams and people")


@blueprint.get("/organizations")
@require_admin
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, OrganizationPage)
def organizations(args: dict[str, Any]) -> Any:
    """The organizations that the caller administers."""
    return directory.organizations(caller().org_id, **args)


@blueprint.get("/users")
@require_admin
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, UserPage)
def users(args: dict[str, Any]) -> Any:
    """The organization's people, by e-mail."""
    return directory.users(caller().org_id, **args)


@blueprint.get("/teams")
@require_admin
@blueprint.arguments(TeamArgs, location="query")
@blueprint.response(200, TeamPage)
def find_teams(args: dict[str, Any]) -> Any:
    """The organization's teams, by name."""
    return teams.find(caller().org_id, **args)


@blueprint.post("/teams")
@require_admin
@blueprint.arguments(CreateTeam)
@blueprint.response(201, TeamSchema)
def create_team(body: dict[str, Any]) -> Any:
    """Make a team."""
    with unit_of_work():
        return teams.create(caller().org_id, **body)


@blueprint.get("/teams/<team_id>")
@require_admin
@blueprint.response(200, TeamSchema)
def get_team(team_id: str) -> Any:
    """One team."""
    return teams.get(caller().org_id, team_id)


@blueprint.patch("/teams/<team_id>")
@require_admin
@blueprint.arguments(ChangeTeam)
@blueprint.response(200, TeamSchema)
def change_team(body: dict[str, Any], team_id: str) -> Any:
    """Rename, describe, limit, enable or disable a team."""
    with unit_of_work():
        return teams.update(caller().org_id, team_id, body)


@blueprint.delete("/teams/<team_id>")
@require_admin
@blueprint.response(204)
def delete_team(team_id: str) -> None:
    """Delete a team with its keys and memberships."""
    with unit_of_work():
        teams.delete(caller().org_id, team_id)
