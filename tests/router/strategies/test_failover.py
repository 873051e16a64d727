"""Failover: by priority, always the same."""

from __future__ import annotations

from hyperstrate.router.strategies.failover import order
from tests.router.conftest import MakeExchange, make_plan, make_target


def test_the_lowest_priority_number_comes_first(make_exchange: MakeExchange) -> None:
    targets = [
        make_target("c", priority=9),
        make_target("a", priority=1),
        make_target("b", priority=1),
    ]

    ordered = order(make_exchange(plan=make_plan(targets)))

    assert [target.model.upstream_model for target in ordered] == ["a", "b", "c"]
