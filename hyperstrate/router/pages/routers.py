"""The list of routers, a new one, and whether one answers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, request, url_for

from hyperstrate.router import road, routers
from hyperstrate.router.routers import Changes
from hyperstrate.router.schemas import CreateRouter
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import form_errors, go, page, submitted

pages = Blueprint("router_pages", __name__, url_prefix="/app/routers")
DAYS = 7
WORDS = {
    "draft": "is a draft again.",
    "active": "is active: it answers now.",
    "inactive": "is switched off: it answers nobody.",
}


@pages.get("")
@require_admin
def list_routers() -> Response:
    """All routers, with what happened on them lately."""
    org_id = caller().org_id
    query, sort = request.args.get("q", ""), request.args.get("sort", "")
    found = routers.listing(org_id, query=query, sort=sort, page=request.args.get("page", 1, int))
    ids = [router.id for router in found.items]
    figures = routers.ports().figures.by_router(org_id, DAYS, ids) if ids else {}
    return page(
        "router/routers.html",
        block="list",
        found=found,
        figures=figures,
        query=query,
        sort=sort,
        days=DAYS,
        label_of=road.label_of,
    )


@pages.get("/new")
@require_admin
def show_new() -> Response:
    """The form of a new router."""
    return _new({"strategy": "round_robin"}, {})


@pages.post("/new")
@require_admin
def create() -> Response:
    """Make a router, and go on to its design."""
    values, errors = submitted(CreateRouter(only=("name", "strategy", "description")))
    if errors:
        return _new(values, errors)
    try:
        with unit_of_work():
            router = routers.create(caller().org_id, **values)
    except AppError as error:
        return _new(request.form, form_errors(error))
    return go(
        url_for("router_design.show", router_id=router.id),
        f"{router.name} is made. Add a target, then activate it.",
    )


def _new(values: Any, errors: dict[str, list[str]]) -> Response:
    return page(
        "router/new.html",
        block="form",
        status=422 if errors else 200,
        values=values,
        errors=errors,
        strategies=road.strategies(),
    )


@pages.post("/<router_id>/status")
@require_admin
def set_status(router_id: str) -> Response:
    """Let a router answer, or not."""
    back = url_for("router_design.show", router_id=router_id)
    changes = Changes(status=request.form.get("status", ""))
    try:
        with unit_of_work():
            router = routers.update(caller().org_id, router_id, changes)
    except AppError as error:
        if error.status == 404:
            raise
        flash(f"Not done: {error.message}.", "error")
        return go(back)
    return go(back, f"{router.name} {WORDS[router.status]}")
