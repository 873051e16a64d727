"""What a call costs: usage times the prices of its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hyperstrate.shared.chat import Usage

MILLION = Decimal(1_000_000)
FREE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens; every kind has its number, see :func:`rates_from`."""

    input: Decimal
    cached_input: Decimal
    cache_write: Decimal
    cache_write_1h: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """The rates of a model, and those of calls with more than ``above`` tokens of input."""

    base: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()

    @property
    def is_free(self) -> bool:
        return not self.base.input and not self.base.output

    def rates(self, input_tokens: int) -> Rates:
        """The rates that hold for a call with this much input."""
        chosen = self.base
        for above, rates in self.tiers:
            if input_tokens <= above:
                break
            chosen = rates
        return chosen


def price(prices: Prices, usage: Usage) -> Decimal:
    """What ``usage`` costs in USD. Reasoning tokens are output tokens, and priced as such."""
    rates = prices.rates(usage.input_tokens)
    cached = usage.cached_input_tokens
    written = usage.cache_write_input_tokens
    written_1h = usage.cache_write_1h_input_tokens
    fresh = max(0, usage.input_tokens - cached - written - written_1h)
    total = fresh * rates.input + usage.output_tokens * rates.output
    if cached:
        total += cached * rates.cached_input
    if written:
        total += written * rates.cache_write
    if written_1h:
        total += written_1h * rates.cache_write_1h
    return total / MILLION


def prices_from(line: Mapping[str, Any]) -> Prices | None:
    """The prices in a line of the catalog; None when it has none."""
    if "input" not in line:
        return None
    tiers = [(tier["above"], rates_from({**line, **tier})) for tier in line.get("tiers", ())]
    return Prices(rates_from(line), tuple(tiers))


def rates_from(line: Mapping[str, Any]) -> Rates:
    """Rates, where a missing cache price is that of input, and a missing 1 h price that of writing.

    A tier that does not name a price has the one below the tier.
    """
    fresh = Decimal(line["input"])
    written = Decimal(line.get("cacheWrite", fresh))
    return Rates(
        input=fresh,
        cached_input=Decimal(line.get("cachedInput", fresh)),
        cache_write=written,
        cache_write_1h=Decimal(line.get("cacheWrite1h", written)),
        output=Decimal(line.get("output", FREE)),
    )
