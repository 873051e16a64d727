"""The histogram of latencies is as exact as it says."""

from __future__ import annotations

import random

import pytest

from hyperstrate.observability.latencies import ERROR_PERCENT, VALUES, about, merge, percentiles


def counted(latencies: list[int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for latency_ms in latencies:
        merge(counts, {str(about(latency_ms)): 1})
    return counts


def test_no_latency_is_further_off_than_promised() -> None:
    worst = max(abs(about(latency) - latency) / latency for latency in range(1, 3_600_001, 3))

    assert worst < ERROR_PERCENT / 100
    assert [about(latency) for latency in range(1, 61)] == list(range(1, 61))


def test_there_are_few_values_and_the_last_is_an_hour() -> None:
    assert len(VALUES) < 190
    assert list(VALUES) == sorted(set(VALUES))
    assert about(10**12) == VALUES[-1] >= 3_600_000


@pytest.mark.parametrize("percent", [1, 50, 95, 99, 100])
@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 1000])
def test_a_percentile_is_near_the_one_of_the_nearest_rank(count: int, percent: int) -> None:
    chance = random.Random(count)
    latencies = sorted(int(chance.lognormvariate(7, 1.5)) + 1 for _ in range(count))

    (found,) = percentiles(counted(latencies), [percent])

    exact = latencies[-(-count * percent // 100) - 1]
    assert found == about(exact)


def test_merged_counts_are_those_of_all() -> None:
    counts = counted([5, 5, 900])

    merge(counts, counted([5, 7, 1000]))

    assert counts == counted([5, 5, 5, 7, 900, 1000])
