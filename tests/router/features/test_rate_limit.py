"""The rate limit of a router."""

from __future__ import annotations

import pytest

from hyperstrate.router.features.rate_limit import Config, RateLimit
from hyperstrate.router.stage import Exchange
from hyperstrate.shared.errors import TooManyRequests
from tests.router.conftest import MakeExchange, make_plan


def _admitted(stage: RateLimit, *exchanges: Exchange) -> int:
    admitted = 0
    for exchange in exchanges:
        try:
            stage.before(exchange)
        except TooManyRequests:
            continue
        admitted += 1
    return admitted


def test_lets_the_burst_pass_and_leaves_a_step(make_exchange: MakeExchange) -> None:
    stage = RateLimit(Config(rps=0.01, burst=3))
    exchange = make_exchange()

    answer = stage.before(exchange)

    step = exchange.steps[0].as_json()
    assert answer is None
    assert step.items() >= {
        "phase": 1, "kind": "rate_limit", "name": "Rate Limit", "outcome": "passed",
    }.items()  # fmt: skip
    assert _admitted(stage, *[make_exchange() for _ in range(5)]) == 2


def test_refuses_when_the_bucket_is_empty(make_exchange: MakeExchange) -> None:
    stage = RateLimit(Config(rps=0.5, burst=1))
    stage.before(make_exchange())
    exchange = make_exchange()

    with pytest.raises(TooManyRequests, match="rate limit exceeded") as refusal:
        stage.before(exchange)

    assert refusal.value.retry_after_s == pytest.approx(2, abs=0.1)
    assert exchange.steps[0].outcome == "blocked"


@pytest.mark.parametrize(("rps", "burst"), [(0.01, 1), (4.0, 4)])
def test_the_burst_is_the_rate_when_left_out(
    make_exchange: MakeExchange, rps: float, burst: int
) -> None:
    exchanges = [make_exchange() for _ in range(burst + 1)]

    assert _admitted(RateLimit(Config(rps=rps)), *exchanges) == burst


def test_routers_have_their_own_buckets(make_exchange: MakeExchange) -> None:
    stage = RateLimit(Config(rps=0.01, burst=1))
    routers = [make_exchange(plan=make_plan(router_id=name)) for name in ("rtr_1", "rtr_2")]

    assert _admitted(stage, *routers) == 2
