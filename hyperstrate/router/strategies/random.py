"""Any target, each as likely as the others."""

from __future__ import annotations

import random

from hyperstrate.router.stage import Exchange, Target

# The system's source: a seeded one would repeat itself in every forked process.
draw: random.Random = random.SystemRandom()


def order(exchange: Exchange) -> list[Target]:
    """A uniform shuffle."""
    return draw.sample(exchange.plan.targets, k=len(exchange.plan.targets))
