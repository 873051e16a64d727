"""The target with the lowest priority number first; the others stand by in their order."""

from __future__ import annotations

from hyperstrate.router.stage import Exchange, Target


def order(exchange: Exchange) -> list[Target]:
    """By priority; targets of the same priority keep the router's order."""
    return sorted(exchange.plan.targets, key=lambda target: target.priority)
