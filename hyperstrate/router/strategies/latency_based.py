"""The target that has answered fastest lately; every target is tried before one is preferred."""

from __future__ import annotations

import random

from hyperstrate.router.stage import Exchange, Target

# The system's source: a seeded one would repeat itself in every forked process.
draw: random.Random = random.SystemRandom()
ALPHA = 0.3
KEEP_S = 86_400.0
EXPLORATION = 0.05
FAILURE_MS = 10_000.0


def order(exchange: Exchange) -> list[Target]:
    """Targets without a sample first, in any order; then by their average.

    One request in twenty begins with any target, so that one that was slow once gets to show that
    it is not slow any more.
    """
    targets = exchange.plan.targets
    if len(targets) < 2:
        return list(targets)
    averages = exchange.store.averages([_key(exchange, target) for target in targets])
    sampled = [(average, place) for place, average in enumerate(averages) if average is not None]
    unsampled = [
        target for target, average in zip(targets, averages, strict=True) if average is None
    ]
    ordered = draw.sample(unsampled, k=len(unsampled))
    ordered += [targets[place] for _, place in sorted(sampled)]
    if not unsampled and draw.random() < EXPLORATION:
        ordered.insert(0, ordered.pop(draw.randrange(len(ordered))))
    return ordered


def record(
    exchange: Exchange, target: Target, latency_ms: float, *, is_failed: bool = False
) -> None:
    """Fold a call's latency into the target's average.

    A failed call counts as a slow one: else a target that fails would never get a sample, and
    stay the first to be tried.
    """
    sample = max(latency_ms, FAILURE_MS) if is_failed else latency_ms
    exchange.store.blend(_key(exchange, target), sample, alpha=ALPHA, ttl_s=KEEP_S)


def _key(exchange: Exchange, target: Target) -> str:
    return f"{exchange.scope}:latency:{target.id}"
