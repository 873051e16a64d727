"""REST: the secret that signs what a router's webhook is sent."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.router import webhooks
from hyperstrate.router.schemas import WebhookSchema
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, require_admin, require_admin_only

blueprint = Blueprint(
    "router_webhooks",
    __name__,
    url_prefix="/router/<router_id>/webhook-secret",
    description="The secret that signs what a router's webhook is sent",
)


@blueprint.get("")
@require_admin_only
@blueprint.response(200, WebhookSchema)
def show(router_id: str) -> Any:
    """The webhook's secret; 404 when the router has no webhook."""
    return webhooks.webhook(caller().org_id, router_id)


@blueprint.post("")
@require_admin
@blueprint.response(200, WebhookSchema)
def rotate(router_id: str) -> Any:
    """Make a new secret, which signs from now on; the old one is worth nothing any more."""
    with unit_of_work():
        return webhooks.rotate_secret(caller().org_id, router_id)
