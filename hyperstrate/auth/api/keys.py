"""REST for API keys."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.auth.keys import api_keys, leaks
from hyperstrate.auth.schemas.keys import (
    ChangeKey,
    CheckText,
    CreateKey,
    IssuedKeySchema,
    KeyArgs,
    KeyPage,
    KeySchema,
    LeaksSchema,
    RotateKey,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, require_admin

blueprint = Blueprint("api_keys", __name__, url_prefix="/auth/api-keys", description="API keys")


@blueprint.get("")
@require_admin
@blueprint.arguments(KeyArgs, location="query")
@blueprint.response(200, KeyPage)
def find(args: dict[str, Any]) -> Any:
    """The organization's keys, newest first."""
    return api_keys.find(caller().org_id, **args)


@blueprint.post("")
@require_admin
@blueprint.arguments(CreateKey)
@blueprint.response(201, IssuedKeySchema)
def issue(body: dict[str, Any]) -> Any:
    """Make a key. Its secret is in this answer and never again."""
    with unit_of_work():
        return api_keys.issue(caller().org_id, **body, created_by=caller().user_id)


@blueprint.post("/check")
@require_admin
@blueprint.arguments(CheckText)
@blueprint.response(200, LeaksSchema)
def check(body: dict[str, Any]) -> Any:
    """Which strings in a text are keys of this gateway. Nothing of the text is kept."""
    return {"data": leaks.check(caller().org_id, body["text"])}


@blueprint.get("/<key_id>")
@require_admin
@blueprint.response(200, KeySchema)
def get(key_id: str) -> Any:
    """One key."""
    return api_keys.get(caller().org_id, key_id)


@blueprint.patch("/<key_id>")
@require_admin
@blueprint.arguments(ChangeKey)
@blueprint.response(200, KeySchema)
def change(body: dict[str, Any], key_id: str) -> Any:
    """Rename, describe, enable, disable, let expire, or set its rules.

    Every process knows it within a second.
    """
    with unit_of_work():
        return api_keys.change(caller().org_id, key_id, body)


@blueprint.post("/<key_id>/rotate")
@require_admin
@blueprint.arguments(RotateKey, required=False)
@blueprint.response(200, IssuedKeySchema)
def rotate(body: dict[str, Any], key_id: str) -> Any:
    """Give a key a new secret; the old one works for ``overlapMinutes``, or dies at once."""
    with unit_of_work():
        return api_keys.rotate(caller().org_id, key_id, **body)


@blueprint.post("/<key_id>/finish-rotation")
@require_admin
@blueprint.response(200, KeySchema)
def finish_rotation(key_id: str) -> Any:
    """End the overlap: the old secret is dead now."""
    with unit_of_work():
        return api_keys.finish_rotation(caller().org_id, key_id)


@blueprint.delete("/<key_id>")
@require_admin
@blueprint.response(204)
def delete(key_id: str) -> None:
    """Delete a key."""
    with unit_of_work():
        api_keys.delete(caller().org_id, key_id)
