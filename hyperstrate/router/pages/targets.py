"""The forms of targets: one of them, and the percentages of all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, request, url_for

from hyperstrate.router import parts, road, routers
from hyperstrate.router.pages.design import changed, refused
from hyperstrate.router.pages.forms import TargetForm
from hyperstrate.router.parts import TargetChanges
from hyperstrate.router.road import Choosable
from hyperstrate.router.strategies.percentage import ROUNDING
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError, BadRequest, NotFound
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import form_errors, go, page, submitted

pages = Blueprint("router_targets", __name__, url_prefix="/app/routers/<router_id>")
Errors = dict[str, list[str]]


@pages.get("/targets/new")
@require_admin
def show_new(router_id: str) -> Response:
    """The form of a new target."""
    rows = routers.get(caller().org_id, router_id).targets
    return _form(router_id, None, {"weight": 1, "priority": _next_priority(rows)}, {})


@pages.post("/targets/new")
@require_admin
def add(router_id: str) -> Response:
    """Add a model to the choice. The first one gets every request."""
    values, errors = submitted(TargetForm)
    if errors:
        return _form(router_id, None, values, errors)
    org_id = caller().org_id
    try:
        with unit_of_work():
            rows = routers.get(org_id, router_id).targets
            values.setdefault("priority", _next_priority(rows))
            percentage = 0.0 if rows else 100.0
            parts.add_target(org_id, router_id, **values, percentage=percentage)
    except AppError as error:
        return _form(router_id, None, request.form, form_errors(error))
    return _go_on(router_id, "The target is added.")


@pages.get("/targets/<target_id>")
@require_admin
def show(router_id: str, target_id: str) -> Response:
    """The form of one target."""
    found = _found(router_id, target_id)
    row = found.row
    values = {"weight": row.weight, "priority": row.priority, "promptId": row.prompt_id or ""}
    return _form(router_id, found, values, {})


@pages.post("/targets/<target_id>")
@require_admin
def save(router_id: str, target_id: str) -> Response:
    """Change one target."""
    found = _found(router_id, target_id)
    values, errors = submitted(TargetForm(exclude=("model_id",)))
    if errors:
        return _form(router_id, found, values, errors)
    try:
        with unit_of_work():
            parts.update_target(caller().org_id, router_id, target_id, TargetChanges(**values))
    except AppError as error:
        return _form(router_id, found, request.form, form_errors(error))
    return _go_on(router_id, f"{found.model.name} is saved.")


@pages.post("/targets/<target_id>/switch")
@require_admin
def switch(router_id: str, target_id: str) -> Response:
    """Turn a target on or off."""
    found = _found(router_id, target_id)
    changes = TargetChanges(is_enabled=not found.row.is_enabled)
    try:
        with unit_of_work():
            parts.update_target(caller().org_id, router_id, target_id, changes)
    except AppError as error:
        return refused(router_id, error)
    state = "on" if changes.is_enabled else "off"
    return changed(router_id, f"{found.model.name} is {state}.")


@pages.post("/targets/<target_id>/move")
@require_admin
def move(router_id: str, target_id: str) -> Response:
    """Put a target before the one above it, or behind the one below."""
    by = 1 if request.form.get("to") == "later" else -1
    with unit_of_work():
        parts.move_target(caller().org_id, router_id, target_id, by=by)
    return changed(router_id, "The order is changed.")


@pages.post("/targets/<target_id>/remove")
@require_admin
def remove(router_id: str, target_id: str) -> Response:
    """Take a model out of the choice."""
    found = _found(router_id, target_id)
    try:
        with unit_of_work():
            parts.remove_target(caller().org_id, router_id, target_id)
    except AppError as error:
        return refused(router_id, error)
    return _go_on(router_id, f"{found.model.name} is removed.")


@pages.get("/percentages")
@require_admin
def show_percentages(router_id: str) -> Response:
    """The form of all percentages."""
    return _percentages(router_id, {})


@pages.post("/percentages")
@require_admin
def share_out(router_id: str) -> Response:
    """Set them together; they must sum to 100."""
    org_id = caller().org_id
    try:
        with unit_of_work():
            ids = [row.id for row in routers.get(org_id, router_id).targets]
            parts.share_out(org_id, router_id, {id: _posted_share(id) for id in ids})
    except AppError as error:
        return _percentages(router_id, form_errors(error))
    return _go_on(router_id, "The percentages are saved.")


def _posted_share(target_id: str) -> TargetChanges:
    """Raises BadRequest."""
    share = _number(request.form.get(f"percentage-{target_id}", ""))
    if not 0 <= share <= 100:
        complaint = {f"percentage-{target_id}": ["must be a number from 0 to 100"]}
        raise BadRequest("validation failed", fields=complaint)
    return TargetChanges(percentage=share, is_enabled=f"enabled-{target_id}" in request.form)


def _number(text: str) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return math.nan


def _percentages(router_id: str, errors: Errors) -> Response:
    router = routers.get(caller().org_id, router_id)
    posted = request.form if errors else None
    rows = [
        (
            target,
            f"{target.row.percentage:g}"
            if posted is None
            else posted.get(f"percentage-{target.row.id}", ""),
            target.row.is_enabled if posted is None else f"enabled-{target.row.id}" in posted,
        )
        for target in road.targets(router)
    ]
    shares = [_number(share) for _, share, is_enabled in rows if is_enabled]
    total = sum(share for share in shares if math.isfinite(share))
    return page(
        "router/percentages.html",
        block="form" if errors else "panel",
        status=422 if errors else 200,
        router=router,
        rows=rows,
        total=total,
        is_wrong=abs(total - 100) > ROUNDING,
        errors=errors,
    )


def _next_priority(rows: Sequence[Any]) -> int:
    return max((row.priority + 1 for row in rows), default=0)


def _found(router_id: str, target_id: str) -> Choosable:
    router = routers.get(caller().org_id, router_id)
    for target in road.targets(router):
        if target.row.id == target_id:
            return target
    raise NotFound("target not found")


def _go_on(router_id: str, message: str) -> Response:
    return go(url_for("router_design.show", router_id=router_id), message)


def _choices(org_id: str) -> list[tuple[str, str]]:
    """The registered models for a select; empty when there are none."""
    models = [
        (
            model.id,
            " · ".join([model.name, model.provider, *([] if model.is_ready else ["key missing"])]),
        )
        for model in routers.ports().models.choices(org_id)
    ]
    return [("", "Choose a model"), *models] if models else []


def _form(router_id: str, found: Choosable | None, values: Any, errors: Errors) -> Response:
    org_id = caller().org_id
    ports = routers.ports()
    return page(
        "router/target.html",
        block="form" if errors else "panel",
        status=422 if errors else 200,
        router=routers.get(org_id, router_id),
        found=found,
        models=[] if found else _choices(org_id),
        prompts=ports.prompts.names(org_id),
        values=values,
        errors=errors,
    )
