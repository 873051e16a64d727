"""REST for organizations: all of them for platform admins, their own for everybody else's."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.auth.people import directory, organizations
from hyperstrate.auth.schemas.people import (
    ChangeOrganization,
    CreateOrganization,
    OrganizationPage,
    OrganizationSchema,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import Forbidden, NotFound
from hyperstrate.shared.guards import caller, require_platform_admin, require_session
from hyperstrate.shared.schemas import SearchArgs

blueprint = Blueprint(
    "organizations", __name__, url_prefix="/auth/organizations", description="Organizations"
)


@blueprint.get("")
@require_platform_admin
@blueprint.arguments(SearchArgs, location="query")
@blueprint.response(200, OrganizationPage)
def find(args: dict[str, Any]) -> Any:
    """All organizations, by name."""
    return organizations.find(**args)


@blueprint.post("")
@require_platform_admin
@blueprint.arguments(CreateOrganization)
@blueprint.response(201, OrganizationSchema)
def create(body: dict[str, Any]) -> Any:
    """Make an organization with its default team; who makes it is its first admin."""
    with unit_of_work():
        return organizations.create(body["name"], founder_id=caller().user_id)


@blueprint.get("/<org_id>")
@require_session
@blueprint.response(200, OrganizationSchema)
def get(org_id: str) -> Any:
    """One organization: the own one, or any for a platform admin."""
    _check(org_id, is_reading=True)
    return organizations.get(org_id)


@blueprint.patch("/<org_id>")
@require_session
@blueprint.arguments(ChangeOrganization)
@blueprint.response(200, OrganizationSchema)
def change(body: dict[str, Any], org_id: str) -> Any:
    """Rename the own one; a platform admin renames, enables and disables any other."""
    _check(org_id, is_reading=False)
    if "is_enabled" in body and not caller().is_platform_admin:
        raise Forbidden("only a platform admin enables and disables organizations")
    with unit_of_work():
        return organizations.change(org_id, body, working_in=caller().org_id)


@blueprint.delete("/<org_id>")
@require_platform_admin
@blueprint.response(204)
def delete(org_id: str) -> None:
    """Delete an organization with everything in it. People who belong to no other one go too."""
    with unit_of_work():
        organizations.delete(org_id, working_in=caller().org_id)


@blueprint.delete("/<org_id>/membership")
@require_session
@blueprint.response(204)
def leave(org_id: str) -> None:
    """Leave an organization."""
    with unit_of_work():
        directory.leave(org_id, caller().user_id)


def _check(org_id: str, *, is_reading: bool) -> None:
    """Raises NotFound and Forbidden."""
    who = caller()
    if who.is_platform_admin:
        return
    if org_id != who.org_id:
        raise NotFound("organization not found")
    if not (who.is_admin or (who.is_viewer and is_reading)):
        raise Forbidden("only an admin may do this")
