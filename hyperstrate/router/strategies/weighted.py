"""Targets drawn by their weight: twice the weight, twice the requests."""

from __future__ import annotations

import random
from math import inf

from hyperstrate.router.stage import Exchange, Target

# The system's source: a seeded one would repeat itself in every forked process.
draw: random.Random = random.SystemRandom()


def order(exchange: Exchange) -> list[Target]:
    """Drawn without replacement; those of weight 0 come last, in the router's order.

    Sorting by exponential times with the weights as rates is the same as drawing one target after
    the other by weight (Efraimidis and Spirakis, 2006).
    """
    return sorted(exchange.plan.targets, key=_time)


def _time(target: Target) -> float:
    return draw.expovariate(target.weight) if target.weight > 0 else inf
