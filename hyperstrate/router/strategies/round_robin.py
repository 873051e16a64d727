"""Each target in turn, over all processes."""

from __future__ import annotations

from hyperstrate.router.stage import Exchange, Target

COUNTER_KEEP_S = 7 * 86_400.0


def order(exchange: Exchange) -> list[Target]:
    """The list of targets, begun one further than the last time."""
    targets = exchange.plan.targets
    if len(targets) < 2:
        return list(targets)
    count = exchange.store.increment(f"{exchange.scope}:round_robin", ttl_s=COUNTER_KEEP_S)
    first = (count - 1) % len(targets)
    return [*targets[first:], *targets[:first]]
