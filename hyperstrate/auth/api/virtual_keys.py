"""REST for virtual keys."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.auth.keys import virtual_keys
from hyperstrate.auth.schemas.keys import KeyArgs, RotateKey
from hyperstrate.auth.schemas.virtual_keys import (
    ChangeVirtualKey,
    CreateVirtualKey,
    IssuedVirtualKeySchema,
    VirtualKeyPage,
    VirtualKeySchema,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, require_admin

blueprint = Blueprint(
    "virtual_keys", __name__, url_prefix="/auth/virtual-keys", description="Virtual keys"
)


@blueprint.get("")
@require_admin
@blueprint.arguments(KeyArgs, location="query")
@blueprint.response(200, VirtualKeyPage)
def find(args: dict[str, Any]) -> Any:
    """The organization's virtual keys, newest first."""
    return virtual_keys.find(caller().org_id, **args)


@blueprint.post("")
@require_admin
@blueprint.arguments(CreateVirtualKey)
@blueprint.response(201, IssuedVirtualKeySchema)
def issue(body: dict[str, Any]) -> Any:
    """Make a key of one router. Its secret is in this answer and never again."""
    with unit_of_work():
        return virtual_keys.issue(caller().org_id, **body, created_by=caller().user_id)


@blueprint.get("/<key_id>")
@require_admin
@blueprint.response(200, VirtualKeySchema)
def get(key_id: str) -> Any:
    """One virtual key."""
    return virtual_keys.get(caller().org_id, key_id)


@blueprint.patch("/<key_id>")
@require_admin
@blueprint.arguments(ChangeVirtualKey)
@blueprint.response(200, VirtualKeySchema)
def change(body: dict[str, Any], key_id: str) -> Any:
    """Change anything but its router and team. Every process knows it within a second."""
    with unit_of_work():
        return virtual_keys.change(caller().org_id, key_id, body)


@blueprint.post("/<key_id>/rotate")
@require_admin
@blueprint.arguments(RotateKey, required=False)
@blueprint.response(200, IssuedVirtualKeySchema)
def rotate(body: dict[str, Any], key_id: str) -> Any:
    """Give a key a new secret; the old one works for ``overlapMinutes``, or dies at once."""
    with unit_of_work():
        return virtual_keys.rotate(caller().org_id, key_id, **body)


@blueprint.post("/<key_id>/finish-rotation")
@require_admin
@blueprint.response(200, VirtualKeySchema)
def finish_rotation(key_id: str) -> Any:
    """End the overlap: the old secret is dead now."""
    with unit_of_work():
        return virtual_keys.finish_rotation(caller().org_id, key_id)


@blueprint.delete("/<key_id>")
@require_admin
@blueprint.response(204)
def delete(key_id: str) -> None:
    """Delete a virtual key; refused while API keys count on it."""
    with unit_of_work():
        virtual_keys.delete(caller().org_id, key_id)
