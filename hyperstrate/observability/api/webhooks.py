"""REST: what was sent to the webhook of a router, and a test of it."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.observability import delivery
from hyperstrate.observability.api.common import observability
from hyperstrate.observability.schemas import DeliveryArgs, DeliveryListSchema, DeliverySchema
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.guards import caller, require_admin

MOST, USUAL = 200, 50
blueprint = Blueprint(
    "webhook_deliveries",
    __name__,
    url_prefix="/analytics/routers/<router_id>/webhook-deliveries",
    description="What was sent to the webhook of a router",
)
tests = Blueprint(
    "webhook_tests",
    __name__,
    url_prefix="/router/<router_id>/webhook-test",
    description="Does the webhook of a router answer",
)
BLUEPRINTS = (blueprint, tests)


@blueprint.get("")
@require_admin
@blueprint.arguments(DeliveryArgs, location="query")
@blueprint.response(200, DeliveryListSchema)
def find(args: dict[str, Any], router_id: str) -> Any:
    """The tries to tell the router's webhook of an event, newest first."""
    org_id = caller().org_id
    if not observability().ports.names.routers(org_id, {router_id}):
        raise NotFound("router not found")
    limit = args["limit"] if 0 < args["limit"] <= MOST else USUAL
    offset = min(max(args["offset"], 0), 2**31)
    return delivery.deliveries(org_id, router_id, limit=limit, offset=offset)


@tests.post("")
@require_admin
@tests.response(200, DeliverySchema)
def send(router_id: str) -> Any:
    """Send the event `test` to the router's webhook now, once, and say what became of it.

    `success` tells whether it was taken; 404 when the router has no webhook. A message is a POST
    of JSON with `event`, `routerId`, `detail`, `requestId` and `timestamp`. Its header
    `x-hyperstrate-signature` is `t=<Unix seconds>,v1=<hex>`, the HMAC-SHA-256 of `<t>.<body>`
    with the webhook's secret; `x-hyperstrate-delivery` is the same in every try of one message.
    """
    return delivery.send_test(caller().org_id, router_id)
