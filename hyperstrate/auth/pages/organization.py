"""The page of the own organization; for platform admins with all others."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for

from hyperstrate.auth.people import organizations
from hyperstrate.auth.schemas.people import ChangeOrganization, CreateOrganization
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.guards import caller, require_admin, require_platform_admin
from hyperstrate.shared.web import go, page, submitted

pages = Blueprint("organization_pages", __name__, url_prefix="/app/organization")


@pages.get("")
@require_admin
def show() -> Response:
    """The own organization, and the others of this installation."""
    return _show()


@pages.post("")
@require_admin
def rename() -> Response:
    """Give the own organization another name."""
    values, errors = submitted(ChangeOrganization(only=("name",)))
    if errors:
        return _show(errors=errors, status=400)
    with unit_of_work():
        organizations.change(caller().org_id, values, working_in=caller().org_id)
    return go(url_for("organization_pages.show"), "Saved.")


@pages.get("/all")
@require_platform_admin
def show_all() -> Response:
    """All organizations of this installation."""
    return _all()


@pages.post("/all")
@require_platform_admin
def create() -> Response:
    """Make an organization; who makes it is its first admin."""
    values, errors = submitted(CreateOrganization)
    if errors:
        return _all(errors=errors, status=400)
    with unit_of_work():
        made = organizations.create(values["name"], founder_id=caller().user_id)
    return go(_list(), f"{made.name} is made. Switch to it to invite its people.")


@pages.post("/all/<org_id>/enable")
@require_platform_admin
def enable(org_id: str) -> Response:
    """Let an organization's people and keys in again."""
    return _switch(org_id, is_enabled=True)


@pages.post("/all/<org_id>/disable")
@require_platform_admin
def disable(org_id: str) -> Response:
    """Keep an organization's people and keys out."""
    return _switch(org_id, is_enabled=False)


@pages.post("/all/<org_id>/delete")
@require_platform_admin
def delete(org_id: str) -> Response:
    """Delete an organization whose name was typed."""
    name = organizations.get(org_id).name
    if request.form.get("confirm", "").strip() != name:
        return _all(refused="The name did not match; nothing was deleted.", status=400)
    try:
        with unit_of_work():
            organizations.delete(org_id, working_in=caller().org_id)
    except AppError as error:
        return _all(refused=error.message, status=error.status)
    return go(_list(), f"{name} is deleted.")


def _switch(org_id: str, *, is_enabled: bool) -> Response:
    try:
        with unit_of_work():
            changes = {"is_enabled": is_enabled}
            organizations.change(org_id, changes, working_in=caller().org_id)
    except AppError as error:
        if error.status == 404:
            raise
        return _all(refused=error.message, status=error.status)
    return go(_list(), "It is enabled." if is_enabled else "Its people and keys are kept out.")


def _list() -> str:
    return url_for("organization_pages.show_all")


def _show(*, errors: dict[str, list[str]] | None = None, status: int = 200) -> Response:
    return page(
        "auth/organization.html",
        status=status,
        organization=organizations.get(caller().org_id),
        errors=errors or {},
        typed=request.form,
    )


def _all(*, status: int = 200, **context: Any) -> Response:
    """The list; ``errors`` of the form, ``refused`` says why not."""
    query = request.args.get("q", "")
    return page(
        "auth/organizations.html",
        block="list",
        status=status,
        found=organizations.find(query=query, page=request.args.get("page", 1, int)),
        query=query,
        typed=request.form,
        **context,
    )
