"""Usage times prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hyperstrate.ai.pricing import Prices, price, prices_from
from hyperstrate.shared.chat import Usage

LINE = {"input": "10", "cachedInput": "1", "cacheWrite": "12.5", "cacheWrite1h": "20",
        "output": "30"}  # fmt: skip


def priced(line: Mapping[str, object]) -> Prices:
    prices = prices_from(line)
    assert prices is not None
    return prices


def test_adds_up_fresh_cached_written_and_output_tokens_complaint_7() -> None:
    usage = Usage(1000, 200, cached_input_tokens=400, cache_write_input_tokens=100,
                  cache_write_1h_input_tokens=50)  # fmt: skip

    cost = price(priced(LINE), usage)

    expected = Decimal(450 * 10 + 400 * 1 + 50 * 20 + 200 * 30) + 100 * Decimal("12.5")
    assert cost == expected / 1_000_000


def test_a_missing_cache_price_is_that_of_input_complaint_7() -> None:
    rates = priced({"input": "3", "output": "15"}).base

    assert {rates.cached_input, rates.cache_write, rates.cache_write_1h} == {Decimal(3)}


def test_a_missing_price_of_the_long_cache_is_that_of_the_short_one() -> None:
    assert priced({"input": "3", "cacheWrite": "4"}).base.cache_write_1h == 4


def test_a_line_without_prices_has_none() -> None:
    assert prices_from({"modelId": "x"}) is None


def test_a_tier_counts_for_the_whole_call_from_its_first_token_on() -> None:
    prices = priced({**LINE, "tiers": [{"above": 100, "input": "20", "output": "60"}]})

    assert price(prices, Usage(100, 0)) == Decimal(100 * 10) / 1_000_000
    assert price(prices, Usage(101, 1)) == Decimal(101 * 20 + 60) / 1_000_000


def test_what_a_tier_does_not_name_stays_as_below_it() -> None:
    prices = priced({**LINE, "tiers": [{"above": 100, "input": "20"}]})

    assert prices.rates(101).cached_input == 1


def test_reasoning_is_part_of_the_output_and_not_paid_twice() -> None:
    assert price(priced(LINE), Usage(0, 100, reasoning_tokens=80)) == Decimal("0.003")


def test_more_cached_than_input_never_makes_it_negative() -> None:
    assert price(priced(LINE), Usage(10, 0, cached_input_tokens=50)) == Decimal("0.00005")


tokens = st.integers(0, 10**7)
usages = st.builds(Usage, input_tokens=tokens, output_tokens=tokens, cached_input_tokens=tokens,
                   cache_write_input_tokens=tokens, cache_write_1h_input_tokens=tokens)  # fmt: skip


@given(usages)
def test_a_cost_is_never_negative(usage: Usage) -> None:
    assert price(priced(LINE), usage) >= 0


@given(usages)
def test_nothing_used_costs_nothing_and_more_output_costs_its_price(usage: Usage) -> None:
    more = replace(usage, output_tokens=usage.output_tokens + 1000)

    assert price(priced(LINE), Usage()) == 0
    assert price(priced(LINE), more) - price(priced(LINE), usage) == Decimal("0.03")


@given(st.lists(st.tuples(tokens, tokens), max_size=5))
def test_the_cost_of_many_calls_is_the_sum(calls: list[tuple[int, int]]) -> None:
    prices = priced(LINE)
    total = Usage(sum(used for used, _ in calls), sum(made for _, made in calls))

    assert price(prices, total) == sum(price(prices, Usage(used, made)) for used, made in calls)
