"""REST for the state of the installation: its parts, what it keeps, and its stored secrets."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_smorest import Blueprint

from hyperstrate.config import Config
from hyperstrate.observability import kept, system
from hyperstrate.observability.api.common import observability
from hyperstrate.observability.schemas_system import RetentionSchema, SecretsSchema, SystemSchema
from hyperstrate.shared import sealed
from hyperstrate.shared.guards import caller, require_admin, require_platform_admin

blueprint = Blueprint("system", __name__, url_prefix="/system", description="This installation")


@blueprint.get("/status")
@require_platform_admin
@blueprint.response(200, SystemSchema)
def status() -> Any:
    """How every part is, seen from the process that answers."""
    found = observability()
    looked = system.look(config(), found.ports, found.health)
    return {
        "status": looked.status,
        "parts": looked.parts,
        "kept": kept.of_installation(config()),
    }


@blueprint.get("/retention")
@require_admin
@blueprint.response(200, RetentionSchema)
def retention() -> Any:
    """What is kept of the organization, and for how long."""
    return {"data": kept.of_organization(caller().org_id, config())}


@blueprint.get("/secrets")
@require_platform_admin
@blueprint.response(200, SecretsSchema)
def secrets() -> Any:
    """Under which keys the stored secrets are; `flask secrets rotate` seals them anew."""
    return sealed.census()


def config() -> Config:
    """How this installation runs."""
    found: Config = current_app.extensions["hyperstrate"]
    return found
