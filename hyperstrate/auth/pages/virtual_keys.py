"""The pages of virtual keys: the list, the form of a new one, and each key's page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from hyperstrate.auth.keys import virtual_keys
from hyperstrate.auth.keys.key_views import KeyView
from hyperstrate.auth.pages.any_key import UNUSED, FormOfKey, KeyPages, public_url
from hyperstrate.auth.pages.keys import PLACE, filters
from hyperstrate.auth.people import teams
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.schemas.virtual_keys import ChangeVirtualKey, CreateVirtualKey
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.schemas import Body
from hyperstrate.shared.web import form_errors, page, submitted

pages = Blueprint("virtual_key_pages", __name__, url_prefix="/app/virtual-keys")
PERIODS = (
    ("", "never"),
    ("daily", "every day"),
    ("weekly", "every week"),
    ("monthly", "every month"),
)
RULES = (
    "allowed_routers",
    "allowed_models",
    "denied_models",
    "allowed_networks",
    "content_logging",
)


class ChangeForm(FormOfKey, ChangeVirtualKey):
    """The page's form of a virtual key; a button of its own enables and disables it."""

    class Meta(Body.Meta):
        exclude = ("is_enabled", "allowed_routers")


class NewForm(FormOfKey, CreateVirtualKey):
    """The page's form of a new virtual key; rules are set on its page."""

    class Meta(Body.Meta):
        exclude = ("is_enabled", *RULES)


@pages.get("")
@require_admin
def show() -> Response:
    """The virtual keys, and the form for a new one."""
    return _show()


@pages.post("")
@require_admin
def issue() -> Response:
    """Make a virtual key and show its secret, this once."""
    values, errors = submitted(NewForm)
    if errors:
        return _show(errors=errors, status=400)
    try:
        with unit_of_work():
            issued = virtual_keys.issue(caller().org_id, **values, created_by=caller().user_id)
    except AppError as error:
        return _show(errors=form_errors(error), status=error.status)
    return _show(issued=issued)


def _context(view: KeyView) -> dict[str, Any]:
    key: Any = view.key
    values = {
        "maxRequests": key.max_requests,
        "maxCostUsd": f"{key.max_cost_usd:.10g}",
        "rateLimitRps": f"{key.rate_limit_rps:.10g}",
        "resetPeriod": key.reset_period,
    }
    return {"tab": "Virtual keys", "periods": PERIODS, "values": values}


KeyPages(pages, virtual_keys, ChangeForm, _context)


def _show(*, status: int = 200, **context: Any) -> Response:
    """The page; ``issued`` with its secret, ``errors`` of the form."""
    org_id = caller().org_id
    return page(
        "auth/virtual_keys.html",
        block="keys",
        status=status,
        found=virtual_keys.find(org_id, **filters()),
        kept={name: text for name in PLACE if (text := request.args.get(name))},
        routers=runtime().routers.names(org_id),
        teams=teams.names(org_id),
        unused=UNUSED,
        periods=PERIODS,
        typed=request.form,
        base_url=public_url(),
        **context,
    )
