"""Whether a caller may use a router at all, and whether it answers now."""

from __future__ import annotations

from hyperstrate.router.stage import Exchange
from hyperstrate.shared.errors import Forbidden, Unprocessable


def admit(exchange: Exchange) -> None:
    """Raises Forbidden, or Unprocessable for a router that is not active."""
    plan, caller = exchange.plan, exchange.caller
    if caller.router_id and caller.router_id != plan.router_id:
        raise Forbidden("this API key belongs to another router")
    is_open = not plan.team_ids or caller.is_admin
    if not is_open and plan.team_ids.isdisjoint(caller.team_ids):
        raise Forbidden("your team does not have access to this router")
    if plan.status != "active":
        raise Unprocessable("router is not active")
