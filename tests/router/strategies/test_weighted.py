"""Weighted: drawn without replacement, by weight, without bias."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from hyperstrate.router.strategies.weighted import order
from tests.router.conftest import MakeExchange, make_plan, make_target


@pytest.fixture(autouse=True)
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyperstrate.router.strategies.weighted.draw", random.Random(7))


def test_requests_are_shared_by_weight_in_the_first_and_in_the_second_place(
    make_exchange: MakeExchange,
) -> None:
    weights = {"a": 1, "b": 2, "c": 5}
    targets = [make_target(name, weight=weight) for name, weight in weights.items()]
    exchange = make_exchange(plan=make_plan(targets))

    orders = [
        "".join(target.model.upstream_model for target in order(exchange)) for _ in range(8000)
    ]

    expected = {
        first + second + third: 8000 * weights[first] / 8 * weights[second] / (8 - weights[first])
        for first, second, third in ("abc", "acb", "bac", "bca", "cab", "cba")
    }
    counts = Counter(orders)
    chi_square = sum((counts[key] - number) ** 2 / number for key, number in expected.items())
    assert chi_square < 15.1  # 1% of five degrees of freedom


def test_targets_of_weight_zero_come_last(make_exchange: MakeExchange) -> None:
    targets = [make_target("a", weight=0), make_target("b"), make_target("c", weight=0)]
    exchange = make_exchange(plan=make_plan(targets))

    orders = {"".join(target.model.upstream_model for target in order(exchange)) for _ in range(50)}

    assert orders == {"bac"}
