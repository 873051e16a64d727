"""The forms of features and interceptors, made from their Config classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request, url_for

from hyperstrate.router import parts, road, routers
from hyperstrate.router.pages.design import changed
from hyperstrate.router.parts import StageChanges
from hyperstrate.router.road import Choosable, Family, StageKind, Standing
from hyperstrate.shared import forms
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import form_errors, go, page

pages = Blueprint("router_stages", __name__, url_prefix="/app/routers/<router_id>/<family>")
_ADD: dict[str, Callable[..., Any]] = {
    "features": parts.add_feature,
    "interceptors": parts.add_interceptor,
}
_UPDATE: dict[str, Callable[..., Any]] = {
    "features": parts.update_feature,
    "interceptors": parts.update_interceptor,
}
_REMOVE: dict[str, Callable[..., None]] = {
    "features": parts.remove_feature,
    "interceptors": parts.remove_interceptor,
}


@pages.get("/new/<name>")
@require_admin
def show_new(router_id: str, family: Family, name: str) -> Response:
    """The form of a stage that is not there yet."""
    return _form(router_id, family, name, None, {})


@pages.post("/new/<name>")
@require_admin
def add(router_id: str, family: Family, name: str) -> Response:
    """Put a stage into the road."""
    kind = road.kind_of(family, name)
    try:
        config = forms.read(kind.Config, request.form)
        with unit_of_work():
            _ADD[family](caller().org_id, router_id, name, config)
    except AppError as error:
        return _form(router_id, family, name, None, form_errors(error))
    return _go_on(router_id, f"{road.label_of(name)} is added.")


@pages.get("/<stage_id>")
@require_admin
def show(router_id: str, family: Family, stage_id: str) -> Response:
    """The form of a stage."""
    found = _standing(router_id, family, stage_id)
    return _form(router_id, family, found.kind.name, found, {})


@pages.post("/<stage_id>")
@require_admin
def save(router_id: str, family: Family, stage_id: str) -> Response:
    """Change a stage's settings."""
    found = _standing(router_id, family, stage_id)
    kind = road.kind_of(family, found.kind.name)
    try:
        config = forms.read(kind.Config, request.form)
        with unit_of_work():
            _UPDATE[family](caller().org_id, router_id, stage_id, StageChanges(config=config))
    except AppError as error:
        return _form(router_id, family, found.kind.name, found, form_errors(error))
    return _go_on(router_id, f"{found.kind.label} is saved.")


@pages.post("/<stage_id>/switch")
@require_admin
def switch(router_id: str, family: Family, stage_id: str) -> Response:
    """Turn a stage on or off; it keeps its settings."""
    found = _standing(router_id, family, stage_id)
    changes = StageChanges(is_enabled=not found.is_enabled)
    with unit_of_work():
        _UPDATE[family](caller().org_id, router_id, stage_id, changes)
    state = "on" if changes.is_enabled else "off"
    return changed(router_id, f"{found.kind.label} is {state}.")


@pages.post("/<stage_id>/move")
@require_admin
def move(router_id: str, family: Family, stage_id: str) -> Response:
    """Let an interceptor run earlier or later."""
    by = 1 if request.form.get("to") == "later" else -1
    with unit_of_work():
        parts.move_interceptor(caller().org_id, router_id, stage_id, by=by)
    return changed(router_id, "The order is changed.")


@pages.post("/<stage_id>/remove")
@require_admin
def remove(router_id: str, family: Family, stage_id: str) -> Response:
    """Take a stage out of the road, with its settings."""
    found = _standing(router_id, family, stage_id)
    with unit_of_work():
        _REMOVE[family](caller().org_id, router_id, stage_id)
    return _go_on(router_id, f"{found.kind.label} is removed.")


def _standing(router_id: str, family: Family, stage_id: str) -> Standing:
    return road.standing(routers.get(caller().org_id, router_id), family, stage_id)


def _go_on(router_id: str, message: str) -> Response:
    return go(url_for("router_design.show", router_id=router_id), message)


def _choices(targets: list[Choosable]) -> forms.Choices:
    """The teams and targets that settings name."""
    return {
        "team": list(routers.ports().teams.names(caller().org_id).items()),
        "target": [(target.row.id, target.model.name) for target in targets],
    }


def _form(
    router_id: str, family: Family, name: str, found: Standing | None, errors: dict[str, list[str]]
) -> Response:
    router = routers.get(caller().org_id, router_id)
    kind = road.kind_of(family, name)
    values = found.config if found else {}
    posted = request.form if errors else None
    return page(
        "router/stage.html",
        block="form" if errors else "panel",
        status=422 if errors else 200,
        router=router,
        kind=StageKind.of(family, kind),
        found=found,
        fields=forms.fields(
            kind.Config, values, posted=posted, choices=_choices(road.targets(router))
        ),
        errors=errors,
    )
