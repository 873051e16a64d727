"""Round robin: even, over all processes."""

from __future__ import annotations

from collections import Counter

from hyperstrate.router.strategies.round_robin import order
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.store_choice import connect, link_to
from tests.router.conftest import MakeExchange, make_plan, make_target


def test_each_target_comes_in_its_turn_and_the_others_follow(make_exchange: MakeExchange) -> None:
    exchange = make_exchange(plan=make_plan([make_target(name) for name in "abc"]))

    orders = ["".join(target.model.upstream_model for target in order(exchange)) for _ in range(4)]

    assert orders == ["abc", "bca", "cab", "abc"]


def test_processes_that_share_a_redis_take_turns(
    make_exchange: MakeExchange, redis_url: str
) -> None:
    plan = make_plan([make_target(name) for name in "abc"])
    prefix = new_id("test")
    processes = [
        make_exchange(plan=plan, store=connect(link_to(redis_url, prefix, processes=2)))
        for _ in range(2)
    ]

    firsts = Counter(order(processes[turn % 2])[0].id for turn in range(30))

    assert firsts == {"tgt_a": 10, "tgt_b": 10, "tgt_c": 10}


def test_routers_have_their_own_turns(make_exchange: MakeExchange) -> None:
    one = make_exchange(plan=make_plan(router_id="rtr_1"))
    two = make_exchange(plan=make_plan(router_id="rtr_2"))

    firsts = [order(exchange)[0].id for exchange in (one, two, one, two)]

    assert firsts == ["tgt_one", "tgt_one", "tgt_two", "tgt_two"]
