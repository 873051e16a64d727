"""Random: a uniform shuffle of all targets."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from hyperstrate.router.strategies.random import order
from tests.router.conftest import MakeExchange, make_plan, make_target


def test_every_order_is_as_likely_as_the_others(
    make_exchange: MakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hyperstrate.router.strategies.random.draw", random.Random(7))
    exchange = make_exchange(plan=make_plan([make_target(name) for name in "abc"]))

    counts = Counter(tuple(target.id for target in order(exchange)) for _ in range(6000))

    assert len(counts) == 6
    chi_square = sum((count - 1000) ** 2 / 1000 for count in counts.values())
    assert chi_square < 15.1  # 1% of five degrees of freedom


def test_no_target_gives_an_empty_list(make_exchange: MakeExchange) -> None:
    assert order(make_exchange(plan=make_plan([]))) == []
