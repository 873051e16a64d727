"""The pages of the settings: how clients are set up, what is kept, secrets, and the system."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request

from hyperstrate.observability import kept, system
from hyperstrate.observability.api.common import observability
from hyperstrate.observability.api.system import config
from hyperstrate.observability.pages.home import base_url
from hyperstrate.shared import crypto, sealed
from hyperstrate.shared.guards import (
    caller,
    require_admin,
    require_platform_admin,
    require_session,
)
from hyperstrate.shared.snippets import setups
from hyperstrate.shared.web import page

pages = Blueprint("settings_pages", __name__, url_prefix="/app/settings")
KEY = "$HYPERSTRATE_API_KEY"


@pages.get("")
@require_session
def show_clients() -> Response:
    """How to call a router from anywhere."""
    routers = observability().ports.inventory.open_to(caller())
    wanted = request.args.get("routerId", "")
    router_id = wanted if wanted in routers else next(iter(routers), "")
    model = routers.get(router_id, "your-router")
    return page(
        "observability/settings_clients.html",
        block="setups",
        routers=routers,
        router_id=router_id,
        model=model,
        base_url=base_url(),
        setups=setups(base_url(), model, KEY),
    )


@pages.get("/retention")
@require_admin
def show_retention() -> Response:
    """What is kept of the organization."""
    found = kept.of_organization(caller().org_id, config())
    return page("observability/settings_retention.html", found=found)


@pages.get("/secrets")
@require_platform_admin
def show_secrets() -> Response:
    """Which keys seal what is stored, and what signs sessions; never a secret."""
    return page(
        "observability/settings_secrets.html",
        census=sealed.census(),
        keys=crypto.count_keys(),
        is_production=config().is_production,
        cookie=current_app.config,
    )


@pages.get("/system")
@require_platform_admin
def show_system() -> Response:
    """How every part is, and what is kept of all organizations."""
    found = observability()
    return page(
        "observability/settings_system.html",
        block="system",
        system=system.look(config(), found.ports, found.health),
        found=kept.of_installation(config()),
    )
