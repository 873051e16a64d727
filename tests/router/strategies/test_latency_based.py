"""Latency based: the fastest first, and every target gets its chance."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from hyperstrate.router.strategies.latency_based import order, record
from tests.router.conftest import MakeExchange, make_plan, make_target


@pytest.fixture(autouse=True)
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyperstrate.router.strategies.latency_based.draw", random.Random(7))


@pytest.fixture
def exchange_of_three(make_exchange: MakeExchange) -> MakeExchange:
    targets = [make_target(name) for name in "abc"]
    return lambda: make_exchange(plan=make_plan(targets))


def test_the_fastest_target_comes_first(exchange_of_three: MakeExchange) -> None:
    exchange = exchange_of_three()
    for target, latency_ms in zip(exchange.targets, (300.0, 100.0, 200.0), strict=True):
        record(exchange, target, latency_ms)

    orders = Counter(
        "".join(target.model.upstream_model for target in order(exchange)) for _ in range(400)
    )

    assert orders.most_common(1)[0][0] == "bca"
    assert orders["bca"] > 360


def test_a_slow_target_is_tried_again_from_time_to_time(exchange_of_three: MakeExchange) -> None:
    exchange = exchange_of_three()
    for target, latency_ms in zip(exchange.targets, (100.0, 9000.0, 9000.0), strict=True):
        record(exchange, target, latency_ms)

    firsts = Counter(order(exchange)[0].id for _ in range(3000))

    assert 25 <= firsts["tgt_b"] <= 80  # a third of 5%
    assert 25 <= firsts["tgt_c"] <= 80


def test_targets_without_a_sample_are_explored_first(exchange_of_three: MakeExchange) -> None:
    """Complaint 36 of the original: unsampled targets were starved."""
    exchange = exchange_of_three()
    record(exchange, exchange.targets[0], 1.0)

    orders = {tuple(target.id for target in order(exchange)) for _ in range(50)}

    assert orders == {("tgt_b", "tgt_c", "tgt_a"), ("tgt_c", "tgt_b", "tgt_a")}


def test_a_failing_target_does_not_stay_the_first(exchange_of_three: MakeExchange) -> None:
    exchange = exchange_of_three()
    for target in exchange.targets[:2]:
        record(exchange, target, 500.0)

    record(exchange, exchange.targets[2], 3.0, is_failed=True)

    assert order(exchange)[-1].id == "tgt_c"


def test_a_single_target_asks_nobody(make_exchange: MakeExchange) -> None:
    exchange = make_exchange(plan=make_plan([make_target("a")]))

    assert [target.id for target in order(exchange)] == ["tgt_a"]
