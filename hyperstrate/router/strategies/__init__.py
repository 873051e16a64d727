"""The strategies by name: each is one function that gives all targets, in the order to try them."""

from __future__ import annotations

from collections.abc import Callable

from hyperstrate.router.stage import Exchange, Target
from hyperstrate.router.strategies import (
    failover,
    latency_based,
    percentage,
    random,
    round_robin,
    weighted,
)

Strategy = Callable[[Exchange], list[Target]]

STRATEGIES: dict[str, Strategy] = {
    "round_robin": round_robin.order,
    "weighted": weighted.order,
    "percentage": percentage.order,
    "failover": failover.order,
    "random": random.order,
    "latency_based": latency_based.order,
}
