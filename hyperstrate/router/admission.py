"""Whether a caller may use a router at all, and whether it answers now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from hyperstrate.router.stage import Exchange, Plan, Target
from hyperstrate.shared.errors import Forbidden, Unprocessable
from hyperstrate.shared.guards import Caller


def admit(exchange: Exchange) -> None:
    """Raises Forbidden, or Unprocessable for a router that is not active.

    From here on the plan has only those targets whose models the key may use.
    """
    check_access(exchange.plan, exchange.caller)
    if exchange.plan.status != "active":
        raise Unprocessable("router is not active")
    exchange.plan = _narrowed(exchange.plan, exchange.caller)


def _narrowed(plan: Plan, caller: Caller) -> Plan:
    """The plan itself where the key may use all of its models. Raises Forbidden for none."""
    targets = permitted(plan, caller)
    if len(targets) == len(plan.targets):
        return plan
    if not targets:
        models = ", ".join(dict.fromkeys(target.model.definition_key for target in plan.targets))
        raise Forbidden(f"this key may not use the model {models}")
    return replace(plan, targets=targets)


def permitted(plan: Plan, caller: Caller) -> tuple[Target, ...]:
    """The targets whose models the caller may use."""
    rules = caller.rules
    if rules is None or not rules.restricts_models:
        return plan.targets
    return tuple(target for target in plan.targets if rules.allows(target.model.names))


def check_access(plan: Plan, caller: Caller) -> None:
    """Raises Forbidden."""
    if caller.router_id and caller.router_id != plan.router_id:
        raise Forbidden("this key belongs to another router")
    if caller.rules is not None and plan.router_id and not caller.rules.opens(plan.router_id):
        raise Forbidden("this key may not be used on this router")
    if not is_open(plan.team_ids, caller):
        raise Forbidden("your team does not have access to this router")


def check_direct(caller: Caller) -> None:
    """Whether models may be called without a router. Raises Forbidden."""
    if caller.router_id:
        raise Forbidden("this key opens one router only, and no model directly")
    if caller.rules is not None and caller.rules.routers:
        raise Forbidden("this key opens some routers only, and no model directly")
    if caller.kind == "session" and not caller.is_admin:
        raise Forbidden("only admins and global API keys call models without a router")


def is_open(team_ids: Collection[str], caller: Caller) -> bool:
    """A router of these teams is open to the caller; one of no team is open to everybody."""
    return not team_ids or caller.is_admin or not set(team_ids).isdisjoint(caller.team_ids)
