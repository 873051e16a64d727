"""The page of an organization's people, with the invitations that are out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for

from hyperstrate.auth.api.asking import invitation_link
from hyperstrate.auth.people import directory, invitations, teams
from hyperstrate.auth.people.invitations import DEFAULT_DAYS
from hyperstrate.auth.schemas.people import ChangeUser, InvitationForm
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError, NotFound
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import form_errors, go, page, submitted

pages = Blueprint("user_pages", __name__, url_prefix="/app/users")
ROLES = (
    ("admin", "Admin: changes everything"),
    ("member", "Member: calls models, sees no settings"),
    ("viewer", "Viewer: sees everything but secrets, changes nothing"),
)


@pages.get("")
@require_admin
def show() -> Response:
    """The people, who is invited, and the form to invite."""
    return _show()


@pages.post("/invitations")
@require_admin
def invite() -> Response:
    """Make a link and show it, this once."""
    values, errors = submitted(InvitationForm)
    if errors:
        return _show(errors=errors, status=400)
    try:
        with unit_of_work():
            made = invitations.invite(caller().org_id, **values, by=caller())
    except AppError as error:
        return _show(errors=form_errors(error), status=error.status)
    return _show(made=made, link=invitation_link(made.token))


@pages.post("/invitations/<invitation_id>/revoke")
@require_admin
def revoke(invitation_id: str) -> Response:
    """Withdraw an invitation."""
    with unit_of_work():
        invitations.revoke(caller().org_id, invitation_id)
    return go(url_for("user_pages.show"), "The invitation is withdrawn; its link opens nothing.")


@pages.get("/<user_id>")
@require_admin
def show_person(user_id: str) -> Response:
    """One person: role, name, teams, where they are signed in."""
    return _person(user_id)


@pages.post("/<user_id>")
@require_admin
def change(user_id: str) -> Response:
    """Change role and name."""
    values, errors = submitted(ChangeUser(only=("role", "name")))
    if errors:
        return _person(user_id, errors=errors, status=400)
    return _change(user_id, values, "Saved.")


@pages.post("/<user_id>/enable")
@require_admin
def enable(user_id: str) -> Response:
    """Let a person in again."""
    return _change(user_id, {"is_enabled": True}, "The person may sign in again.")


@pages.post("/<user_id>/disable")
@require_admin
def disable(user_id: str) -> Response:
    """Keep a person out, until they are enabled."""
    return _change(user_id, {"is_enabled": False}, "The person is signed out and kept out.")


@pages.post("/<user_id>/sign-out")
@require_admin
def end_sessions(user_id: str) -> Response:
    """Sign a person out of this organization, everywhere."""
    with unit_of_work():
        ended = directory.end_sessions(caller().org_id, user_id)
    return go(_address(user_id), f"{ended} {'session' if ended == 1 else 'sessions'} ended.")


@pages.post("/<user_id>/teams")
@require_admin
def set_teams(user_id: str) -> Response:
    """Put a person into the teams that are ticked, and out of the others."""
    org_id, wanted = caller().org_id, set(request.form.getlist("teamIds"))
    if not wanted <= set(teams.names(org_id)):
        raise NotFound("team not found")
    directory.person(org_id, user_id)
    with unit_of_work():
        before = {team.id for team in teams.of_person(org_id, user_id)}
        for team_id in sorted(wanted - before):
            teams.add_member(org_id, team_id, user_id)
        for team_id in sorted(before - wanted):
            teams.remove_member(org_id, team_id, user_id)
    return go(_address(user_id), "The teams are saved.")


@pages.post("/<user_id>/remove")
@require_admin
def remove(user_id: str) -> Response:
    """Take a person out, once their e-mail was typed."""
    member = directory.person(caller().org_id, user_id)
    if request.form.get("confirm", "").strip() != member.user.email:
        return _person(user_id, refused="The e-mail did not match; nobody was removed.", status=400)
    try:
        with unit_of_work():
            directory.remove(caller().org_id, user_id)
    except AppError as error:
        return _person(user_id, refused=error.message, status=error.status)
    return go(url_for("user_pages.show"), f"{member.user.email} is removed.")


def _change(user_id: str, changes: dict[str, Any], done: str) -> Response:
    try:
        with unit_of_work():
            directory.change(caller().org_id, user_id, changes)
    except NotFound:
        raise
    except AppError as error:
        return _person(user_id, errors=form_errors(error), status=error.status)
    return go(_address(user_id), done)


def _address(user_id: str) -> str:
    return url_for("user_pages.show_person", user_id=user_id)


def _show(*, status: int = 200, **context: Any) -> Response:
    """The page; ``made`` with its ``link``, ``errors`` of the form."""
    org_id, query = caller().org_id, request.args.get("q", "")
    place = request.args.get("page", 1, int)
    names = teams.names(org_id)
    return page(
        "auth/users.html",
        block="list",
        status=status,
        found=directory.people(org_id, query=query, page=place),
        query=query,
        waiting=invitations.waiting(org_id),
        teams=names,
        roles=ROLES,
        default_days=DEFAULT_DAYS,
        preset=[next(iter(names))] if len(names) == 1 else [],
        **context,
    )


def _person(user_id: str, *, status: int = 200, **context: Any) -> Response:
    """One person; ``errors`` of the form, ``refused`` says why not."""
    org_id = caller().org_id
    return page(
        "auth/user.html",
        status=status,
        member=directory.person(org_id, user_id),
        sessions=directory.open_sessions(org_id, user_id),
        own_teams={team.id for team in teams.of_person(org_id, user_id)},
        teams=teams.names(org_id),
        roles=ROLES,
        typed=request.form,
        **context,
    )
