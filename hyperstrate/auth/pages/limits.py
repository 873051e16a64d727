"""The pages of limits: everything that has some, and the card that sets them on other pages."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for

from hyperstrate.auth import limits, scoped
from hyperstrate.auth.schemas.limits import LimitForm
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.pagination import MAX_PER_PAGE
from hyperstrate.shared.scopes import SCOPE_KINDS, ScopeKind
from hyperstrate.shared.web import go, is_htmx, page, submitted

pages = Blueprint("limit_pages", __name__, url_prefix="/app/limits")
WORDS: dict[ScopeKind, str] = {
    "organization": "Organization",
    "team": "Team",
    "router": "Router",
    "api_key": "API key",
    "virtual_key": "Virtual key",
}


@pages.get("")
@require_admin
def show() -> Response:
    """Everything that has limits, and what may be given some."""
    org_id = caller().org_id
    scope = request.args.get("scope", "")
    page_number = request.args.get("page", 1, type=int)
    found = limits.find(org_id, scope=scope, page=page_number)
    return page(
        "auth/limits.html",
        block="list",
        found=found,
        views=limits.views(org_id, found.items),
        words=WORDS,
        scope=scope,
        subjects=_subjects(org_id),
    )


@pages.get("/choose")
@require_admin
def choose() -> Response:
    """Go on to the limits of what was chosen."""
    scope, _, scope_id = request.args.get("subject", "").partition(":")
    if scope not in SCOPE_KINDS or not scope_id:
        return go(url_for("limit_pages.show"), "Choose what to limit.")
    return go(url_for("limit_pages.show_one", scope=scope, scope_id=scope_id))


@pages.get("/<scope>/<scope_id>")
@require_admin
def show_one(scope: str, scope_id: str) -> Response:
    """The limits of one of the organization's own; under HTMX the card alone."""
    return _card(_scope(scope), scope_id)


@pages.post("/<scope>/<scope_id>")
@require_admin
def save(scope: str, scope_id: str) -> Response:
    """Set them together; an empty field is no limit."""
    kind = _scope(scope)
    values, errors = submitted(LimitForm)
    if errors:
        return _card(kind, scope_id, typed=values, errors=errors)
    with unit_of_work():
        limits.set(caller().org_id, kind, scope_id, **values)
    if is_htmx():
        return _card(kind, scope_id, is_saved=True)
    return go(url_for("limit_pages.show_one", scope=scope, scope_id=scope_id), "Saved.")


def _card(
    scope: ScopeKind,
    scope_id: str,
    *,
    typed: dict[str, Any] | None = None,
    errors: dict[str, list[str]] | None = None,
    is_saved: bool = False,
) -> Response:
    org_id = caller().org_id
    limit = limits.get(org_id, scope, scope_id)
    return page(
        "auth/limit.html",
        block="card",
        status=422 if errors else 200,
        scope=scope,
        scope_id=scope_id,
        word=WORDS[scope],
        name=scoped.names(org_id, scope, [scope_id])[scope_id],
        values=_shown(limit) if typed is None else typed,
        errors=errors or {},
        is_saved=is_saved,
    )


def _shown(limit: Any) -> dict[str, str]:
    """Zero, which means none, is an empty field."""
    amounts = {
        "requestsPerSecond": f"{limit.requests_per_second:.10g}",
        "requestsPerMinute": str(limit.requests_per_minute),
        "tokensPerMinute": str(limit.tokens_per_minute),
        "concurrentRequests": str(limit.concurrent_requests),
    }
    return {name: "" if amount == "0" else amount for name, amount in amounts.items()}


def _subjects(org_id: str) -> list[tuple[str, str]]:
    """What may have limits, as choices of a form."""
    return [
        (f"{scope}:{scope_id}", f"{WORDS[scope]}: {name}")
        for scope in SCOPE_KINDS
        for scope_id, name in scoped.choices(org_id, scope)[:MAX_PER_PAGE]
    ]


def _scope(word: str) -> ScopeKind:
    for scope in SCOPE_KINDS:
        if scope == word:
            return scope
    raise NotFound("there is no such page")
