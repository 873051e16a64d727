"""The first target drawn by percentage, so that each gets exactly its share of the requests."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hyperstrate.router.stage import Exchange, Target

# The system's source: a seeded one would repeat itself in every forked process.
draw: random.Random = random.SystemRandom()
ROUNDING = 0.05


def order(exchange: Exchange) -> list[Target]:
    """One target by draw; the others by falling percentage."""
    targets = exchange.plan.targets
    others = sorted(targets, key=lambda target: -target.percentage)
    shares = [target.percentage for target in others]
    if sum(shares) <= 0:
        return list(targets)
    first = draw.choices(range(len(others)), shares)[0]
    return [others.pop(first), *others]


def check_percentages(percentages: Sequence[float]) -> str | None:
    """What is wrong with the percentages of a router's enabled targets; None when nothing is.

    Thirds and sevenths written with two digits do not add up exactly: ``ROUNDING`` forgives that.
    """
    if not percentages:
        return None
    if not all(0 <= share <= 100 for share in percentages):
        return "each percentage must be from 0 to 100"
    total = sum(percentages)
    if abs(total - 100) > ROUNDING + 1e-9:
        return f"the percentages of the enabled targets must sum to 100, not {total:g}"
    return None
