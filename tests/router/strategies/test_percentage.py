"""Percentage: exact shares, and sums that are refused."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from hyperstrate.router.strategies.percentage import check_percentages, order
from tests.router.conftest import MakeExchange, make_plan, make_target


@pytest.fixture(autouse=True)
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyperstrate.router.strategies.percentage.draw", random.Random(7))


def test_each_target_is_first_in_its_share_of_the_requests(make_exchange: MakeExchange) -> None:
    shares = {"a": 12.5, "b": 62.5, "c": 25.0, "d": 0.0}
    targets = [make_target(name, percentage=share) for name, share in shares.items()]
    exchange = make_exchange(plan=make_plan(targets))

    counts = Counter(order(exchange)[0].model.upstream_model for _ in range(8000))

    chi_square = sum(
        (counts[name] - 80 * share) ** 2 / (80 * share) for name, share in shares.items() if share
    )
    assert chi_square < 9.21  # 1% of two degrees of freedom
    assert counts["d"] == 0


def test_the_others_follow_by_falling_percentage(make_exchange: MakeExchange) -> None:
    shares = {"a": 10.0, "b": 60.0, "c": 30.0}
    targets = [make_target(name, percentage=share) for name, share in shares.items()]
    exchange = make_exchange(plan=make_plan(targets))

    orders = {
        "".join(target.model.upstream_model for target in order(exchange)) for _ in range(200)
    }

    assert orders == {"abc", "bca", "cba"}


def test_without_any_percentage_the_order_is_the_routers(make_exchange: MakeExchange) -> None:
    assert [target.id for target in order(make_exchange())] == ["tgt_one", "tgt_two"]


@pytest.mark.parametrize("good", [[], [100.0], [50.0, 50.0], [33.33, 33.33, 33.33], [14.29] * 7])
def test_percentages_that_sum_to_100_are_accepted(good: list[float]) -> None:
    assert check_percentages(good) is None


@pytest.mark.parametrize(
    "bad", [[0.0], [99.0], [60.0, 60.0], [-10.0, 110.0], [float("nan")], [float("inf")]]
)
def test_other_percentages_are_refused(bad: list[float]) -> None:
    assert check_percentages(bad)


def test_the_complaint_names_the_sum() -> None:
    assert check_percentages([60.0, 30.0]) == (
        "the percentages of the enabled targets must sum to 100, not 90"
    )
