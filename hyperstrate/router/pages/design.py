"""The Design tab: a request's road through the router, and what may be added to it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, request, url_for

from hyperstrate.router import lint, road, routers
from hyperstrate.router.routers import Changes
from hyperstrate.router.schemas import CreateRouter
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError, NotFound
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import form_errors, go, is_htmx, page, submitted

pages = Blueprint("router_design", __name__, url_prefix="/app/routers")


@pages.get("/<router_id>")
@require_admin
def show(router_id: str) -> Response:
    """The road of one router."""
    return _page(router_id)


def changed(router_id: str, message: str) -> Response:
    """Something was done: the road anew, in place where the browser can."""
    if is_htmx():
        return _page(router_id)
    return go(url_for("router_design.show", router_id=router_id), message)


def refused(router_id: str, error: AppError) -> Response:
    """Nothing was done: the road as it is, and why. Raises what is not there."""
    if error.status == 404:
        raise error
    if is_htmx():
        return _page(router_id, refused=error.message)
    flash(f"Not done: {error.message}.", "error")
    return go(url_for("router_design.show", router_id=router_id))


def _page(router_id: str, *, refused: str = "") -> Response:
    org_id = caller().org_id
    router = routers.get(org_id, router_id)
    ports = routers.ports()
    prompt_id = router.configuration.prompt_id
    return page(
        "router/design.html",
        block="design",
        status=422 if refused else 200,
        router=router,
        tab="design",
        road=road.road(router),
        targets=road.targets(router),
        strategy=(road.label_of(router.strategy), _meaning(router.strategy)),
        brings_fallback=road.brings_fallback(router),
        findings=lint.findings(router),
        teams=sorted(routers.team_names(org_id, router_id).values()),
        prompt=ports.prompts.names(org_id).get(prompt_id, "") if prompt_id else "",
        refused=refused,
    )


def _meaning(strategy: str) -> str:
    return next(about for name, _, about in road.strategies() if name == strategy)


@pages.get("/<router_id>/add/<place>")
@require_admin
def show_addable(router_id: str, place: str) -> Response:
    """What may be added to one place of the road."""
    router = routers.get(caller().org_id, router_id)
    found = next((found for found in road.road(router) if found.key == place), None)
    if found is None:
        raise NotFound("there is no such place")
    return page("router/add.html", block="panel", router=router, place=found)


@pages.get("/<router_id>/strategy")
@require_admin
def show_strategy(router_id: str) -> Response:
    """The form that chooses the strategy."""
    return _strategy(router_id, {}, {})


@pages.post("/<router_id>/strategy")
@require_admin
def set_strategy(router_id: str) -> Response:
    """Choose another strategy."""
    values, errors = submitted(CreateRouter(only=("strategy",)))
    if errors:
        return _strategy(router_id, values, errors)
    try:
        with unit_of_work():
            routers.update(caller().org_id, router_id, Changes(strategy=values["strategy"]))
    except AppError as error:
        return _strategy(router_id, request.form, form_errors(error))
    label = road.label_of(values["strategy"])
    return go(url_for("router_design.show", router_id=router_id), f"The strategy is {label} now.")


def _strategy(router_id: str, values: Any, errors: dict[str, list[str]]) -> Response:
    router = routers.get(caller().org_id, router_id)
    return page(
        "router/strategy.html",
        block="form" if errors else "panel",
        status=422 if errors else 200,
        router=router,
        chosen=values.get("strategy", router.strategy),
        errors=errors,
        strategies=road.strategies(),
    )
