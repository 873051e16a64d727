"""The pages of teams: the list, and one with its people and ceilings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for

from hyperstrate.auth.keys import api_keys
from hyperstrate.auth.people import directory, teams
from hyperstrate.auth.schemas.people import ChangeTeam, CreateTeam
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.pagination import MAX_PER_PAGE
from hyperstrate.shared.web import go, page, submitted

pages = Blueprint("team_pages", __name__, url_prefix="/app/teams")


class TeamForm(ChangeTeam):
    """The page's form of a team: numbers come as text."""

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        super().on_bind_field(field_name, field_obj)
        if field_name == "max_requests":
            field_obj.strict = False


class NewTeamForm(CreateTeam, TeamForm):
    """The same, of a new team."""


@pages.get("")
@require_admin
def show() -> Response:
    """The teams, and the form of a new one."""
    return _show()


@pages.post("")
@require_admin
def create() -> Response:
    """Make a team, and go on to it."""
    values, errors = submitted(NewTeamForm)
    if errors:
        return _show(errors=errors, status=400)
    with unit_of_work():
        team = teams.create(caller().org_id, **values)
    return go(_address(team.id), f"{team.name} is made. Put people into it.")


@pages.get("/<team_id>")
@require_admin
def show_team(team_id: str) -> Response:
    """One team: its people, its ceilings, its keys."""
    return _team(team_id)


@pages.post("/<team_id>")
@require_admin
def change(team_id: str) -> Response:
    """Rename, describe, limit, enable or disable."""
    values, errors = submitted(TeamForm)
    if errors:
        return _team(team_id, errors=errors, status=400)
    with unit_of_work():
        teams.update(caller().org_id, team_id, values)
    return go(_address(team_id), "Saved.")


@pages.post("/<team_id>/members")
@require_admin
def add_member(team_id: str) -> Response:
    """Put somebody in, by the e-mail that was typed."""
    email = request.form.get("email", "").strip()
    user = directory.by_email(email) if email else None
    try:
        with unit_of_work():
            teams.add_member(caller().org_id, team_id, user.id if user else "")
    except AppError as error:
        teams.get(caller().org_id, team_id)
        errors = {"email": ["is no member of this organization"]}
        return _team(team_id, member_errors=errors, status=error.status)
    return go(_address(team_id), f"{email} is in the team.")


@pages.post("/<team_id>/members/<user_id>/remove")
@require_admin
def remove_member(team_id: str, user_id: str) -> Response:
    """Take somebody out."""
    with unit_of_work():
        teams.remove_member(caller().org_id, team_id, user_id)
    return go(_address(team_id), "Taken out of the team.")


@pages.post("/<team_id>/delete")
@require_admin
def delete(team_id: str) -> Response:
    """Delete a team whose name was typed."""
    name = teams.get(caller().org_id, team_id).name
    if request.form.get("confirm", "").strip() != name:
        return _team(team_id, refused="The name did not match; nothing was deleted.", status=400)
    with unit_of_work():
        teams.delete(caller().org_id, team_id)
    return go(url_for("team_pages.show"), f"{name} is deleted, with its keys.")


def _address(team_id: str) -> str:
    return url_for("team_pages.show_team", team_id=team_id)


def _show(*, errors: dict[str, list[str]] | None = None, status: int = 200) -> Response:
    org_id, query = caller().org_id, request.args.get("q", "")
    return page(
        "auth/teams.html",
        block="list",
        status=status,
        found=teams.find(org_id, query=query, page=request.args.get("page", 1, int)),
        sizes=teams.sizes(org_id),
        query=query,
        errors=errors or {},
        typed=request.form,
    )


def _team(team_id: str, *, status: int = 200, **context: Any) -> Response:
    """One team; ``errors`` of its form, ``member_errors``, ``refused`` says why not."""
    org_id = caller().org_id
    return page(
        "auth/team.html",
        status=status,
        team=teams.get(org_id, team_id),
        members=teams.members(org_id, team_id, page=request.args.get("page", 1, int)),
        keys=api_keys.find(org_id, team_id=team_id, per_page=1).meta.total,
        people=directory.people(org_id, per_page=MAX_PER_PAGE).items,
        typed=request.form,
        **context,
    )
