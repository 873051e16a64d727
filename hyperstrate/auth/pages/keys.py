"""The page of API keys."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from marshmallow import EXCLUDE, ValidationError

from hyperstrate.auth import keys, teams
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.schemas import CreateKey, KeyArgs
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError, BadRequest
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.pagination import MAX_PER_PAGE
from hyperstrate.shared.web import form_errors, go, is_htmx, page, submitted

pages = Blueprint("key_pages", __name__, url_prefix="/app/keys")


@pages.get("")
@require_admin
def show() -> Response:
    """The keys, and the form for a new one."""
    return _show()


@pages.post("")
@require_admin
def issue() -> Response:
    """Make a key and show its secret, this once."""
    values, errors = submitted(CreateKey)
    if errors:
        return _show(errors=errors, status=400)
    try:
        with unit_of_work():
            issued = keys.issue(caller().org_id, **values, created_by=caller().user_id)
    except AppError as error:
        return _show(errors=form_errors(error), status=error.status)
    return _show(issued=issued)


@pages.post("/<key_id>/enable")
@require_admin
def enable(key_id: str) -> Response:
    """Let a key in again."""
    return _switch(key_id, is_enabled=True)


@pages.post("/<key_id>/disable")
@require_admin
def disable(key_id: str) -> Response:
    """Keep a key out, until it is enabled."""
    return _switch(key_id, is_enabled=False)


@pages.post("/<key_id>/rotate")
@require_admin
def rotate(key_id: str) -> Response:
    """Give a key a new secret and show it, this once."""
    if not _is_confirmed(key_id):
        return _show(refused="The name did not match; the key was not rotated.", status=400)
    with unit_of_work():
        issued = keys.rotate(caller().org_id, key_id)
    return _show(issued=issued)


@pages.post("/<key_id>/delete")
@require_admin
def delete(key_id: str) -> Response:
    """Delete a key whose name was typed."""
    if not _is_confirmed(key_id):
        return _show(refused="The name did not match; the key was not deleted.", status=400)
    with unit_of_work():
        keys.delete(caller().org_id, key_id)
    return go(url_for("key_pages.show"), "The key was deleted.")


def _switch(key_id: str, *, is_enabled: bool) -> Response:
    with unit_of_work():
        keys.change(caller().org_id, key_id, {"is_enabled": is_enabled})
    if is_htmx():
        return _show()
    state = "enabled" if is_enabled else "disabled"
    return go(url_for("key_pages.show"), f"The key is {state}.")


def _is_confirmed(key_id: str) -> bool:
    return request.form.get("confirm", "").strip() == keys.get(caller().org_id, key_id).key.name


def _show(*, status: int = 200, **context: Any) -> Response:
    """The page; ``issued`` with its secret, ``errors`` of the form, ``refused`` says why not."""
    org_id = caller().org_id
    found = keys.find(org_id, **_filters())
    own_teams = teams.find(org_id, per_page=MAX_PER_PAGE).items
    return page(
        "auth/keys.html",
        block="keys",
        status=status,
        found=found,
        routers=runtime().routers.names(org_id),
        team_choices=[(team.id, team.name) for team in own_teams],
        typed=request.form,
        base_url=_public_url(),
        **context,
    )


def _filters() -> dict[str, Any]:
    """The filters of the address. Raises BadRequest."""
    try:
        return dict(KeyArgs(unknown=EXCLUDE).load(request.args.to_dict()))
    except ValidationError as error:
        raise BadRequest("the filters of this address make no sense") from error


def _public_url() -> str:
    public = runtime().config.api_public_url
    return public or request.host_url.rstrip("/")
