"""The pages of API keys: the list, the form of a new one, and each key's page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from marshmallow import EXCLUDE, ValidationError

from hyperstrate.auth.keys import api_keys, virtual_keys
from hyperstrate.auth.keys.key_views import KeyView
from hyperstrate.auth.pages.any_key import UNUSED, FormOfKey, KeyPages, public_url
from hyperstrate.auth.people import teams
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.schemas.keys import EVERY_ROUTER, ChangeKey, KeyArgs, KeyForm
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError, BadRequest
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.schemas import Body
from hyperstrate.shared.web import form_errors, page, submitted

pages = Blueprint("key_pages", __name__, url_prefix="/app/keys")
PLACE = ("routerId", "teamId", "unused", "page")
OPENINGS = (
    ("", "Choose what it opens"),
    (EVERY_ROUTER, "Every router, and models directly"),
)


class ChangeForm(FormOfKey, ChangeKey):
    """The page's form of an API key; a button of its own enables and disables it."""

    class Meta(Body.Meta):
        exclude = ("is_enabled",)


@pages.get("")
@require_admin
def show() -> Response:
    """The keys, and the form for a new one."""
    return _show()


@pages.post("")
@require_admin
def issue() -> Response:
    """Make a key and show its secret, this once."""
    values, errors = submitted(KeyForm)
    if errors:
        return _show(errors=errors, status=400)
    try:
        with unit_of_work():
            issued = api_keys.issue(caller().org_id, **values, created_by=caller().user_id)
    except AppError as error:
        return _show(errors=form_errors(error), status=error.status)
    return _show(issued=issued)


def _context(view: KeyView) -> dict[str, Any]:
    return {
        "tab": "API keys",
        "virtual_keys": virtual_keys.names(view.key.org_id),
        "values": {"virtualKeyId": view.virtual_key["id"] if view.virtual_key else ""},
    }


KeyPages(pages, api_keys, ChangeForm, _context)


def _show(*, status: int = 200, **context: Any) -> Response:
    """The page; ``issued`` with its secret, ``errors`` of the form."""
    org_id = caller().org_id
    found, routers = api_keys.find(org_id, **filters()), runtime().routers.names(org_id)
    return page(
        "auth/keys.html",
        block="keys",
        status=status,
        found=found,
        kept={name: text for name in PLACE if (text := request.args.get(name))},
        routers=routers,
        teams=teams.names(org_id),
        unused=UNUSED,
        openings=[*OPENINGS, *((id, f"Router {name}") for id, name in routers.items())],
        typed=request.form,
        base_url=public_url(),
        **context,
    )


def filters() -> dict[str, Any]:
    """The filters of the address. Raises BadRequest."""
    try:
        return dict(KeyArgs(unknown=EXCLUDE).load(request.args.to_dict()))
    except ValidationError as error:
        raise BadRequest("the filters of this address make no sense") from error
