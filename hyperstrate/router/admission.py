"""Whether a caller may use a router at all, and whether it answers now."""

from __future__ import annotations

from collections.abc import Collection

from hyperstrate.router.stage import Exchange, Plan
from hyperstrate.shared.errors import Forbidden, Unprocessable
from hyperstrate.shared.guards import Caller


def admit(exchange: Exchange) -> None:
    """Raises Forbidden, or Unprocessable for a router that is not active."""
    check_access(exchange.plan, exchange.caller)
    if exchange.plan.status != "active":
        raise Unprocessable("router is not active")


def check_access(plan: Plan, caller: Caller) -> None:
    """Raises Forbidden."""
    if caller.router_id and caller.router_id != plan.router_id:
        raise Forbidden("this API key belongs to another router")
    if not is_open(plan.team_ids, caller):
        raise Forbidden("your team does not have access to this router")


def check_direct(caller: Caller) -> None:
    """Whether models may be called without a router. Raises Forbidden."""
    if caller.router_id:
        raise Forbidden("this API key opens one router only, and no model directly")
    if caller.kind == "session" and not caller.is_admin:
        raise Forbidden("only admins and global API keys call models without a router")


def is_open(team_ids: Collection[str], caller: Caller) -> bool:
    """A router of these teams is open to the caller; one of no team is open to everybody."""
    return not team_ids or caller.is_admin or not set(team_ids).isdisjoint(caller.team_ids)
