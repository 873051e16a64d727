"""What the columns of a provider's export are called, and a row read by them.

The names are those of the dashboards in November 2026: OpenAI's usage and cost exports
(platform.openai.com/usage), Anthropic's (console usage and cost), and what other exports call them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Literal, TypeAlias

from hyperstrate.auth.books import cells
from hyperstrate.shared.errors import Unprocessable

Quantity: TypeAlias = Literal["tokens", "requests", "cost_usd"]
QUANTITIES: tuple[Quantity, ...] = ("tokens", "requests", "cost_usd")

_DAYS = (
    "usage_date_utc", "start_time_iso", "date", "day", "usage_date", "start_time", "timestamp",
    "starting_at", "created_at", "time",
)  # fmt: skip
_MODELS = ("model_version", "model", "model_id", "model_name", "snapshot_id", "line_item")
_COSTS = (
    "cost_usd", "amount_value", "cost", "amount_usd", "cost_in_usd", "total_cost_usd",
    "total_cost", "spend_usd", "spend",
)  # fmt: skip
_CURRENCIES = ("amount_currency", "currency")
_REQUESTS = (
    "num_model_requests", "requests", "num_requests", "request_count", "n_requests",
    "total_requests", "api_requests", "calls",
)  # fmt: skip
_INPUTS = (
    "input_tokens", "usage_input_tokens_no_cache", "uncached_input_tokens", "prompt_tokens",
    "n_context_tokens_total", "total_input_tokens",
)  # fmt: skip
_OUTPUTS = (
    "output_tokens", "usage_output_tokens", "completion_tokens", "n_generated_tokens_total",
    "total_output_tokens",
)  # fmt: skip
_TOTALS = ("total_tokens", "tokens")
#: Anthropic counts these beside the input, OpenAI (``input_cached_tokens``) within it.
_BESIDE_INPUT = frozenset({
    "usage_input_tokens_cache_write", "usage_input_tokens_cache_write_5m",
    "usage_input_tokens_cache_write_1h", "usage_input_tokens_cache_read",
    "cache_creation_input_tokens", "cache_read_input_tokens",
    "cache_creation_tokens", "cache_write_tokens", "cache_read_tokens",
})  # fmt: skip
#: A column that only one provider's export has.
_TELLING = {"usage_date_utc": "ANTHROPIC", "num_model_requests": "OPENAI", "amount_value": "OPENAI"}


@dataclass(slots=True)
class Billed:
    """What the provider says of one model on one day; ``rounded_by``: how far off its cost is."""

    tokens: int = 0
    requests: int = 0
    cost_usd: Decimal = Decimal(0)
    rounded_by: Decimal = Decimal(0)

    def add(self, other: Billed) -> None:
        """Count ``other`` as well."""
        self.tokens += other.tokens
        self.requests += other.requests
        self.cost_usd += other.cost_usd
        self.rounded_by += other.rounded_by


class Columns:
    """Which column is what."""

    def __init__(self, header: Sequence[str], *, has_decimal_comma: bool) -> None:
        """Raises Unprocessable where the day or what was used is missing."""
        names = [re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") for name in header]
        self._at = {name: number for number, name in reversed(list(enumerate(names)))}
        self._has_decimal_comma = has_decimal_comma
        self._day, self._model = self._find(_DAYS), self._find(_MODELS)
        self._cost, self._currency = self._find(_COSTS), self._find(_CURRENCIES)
        self._requests = self._find(_REQUESTS)
        self._tokens = [*self._find(_INPUTS), *self._find(_OUTPUTS)]
        if self._tokens:
            self._tokens += [number for name, number in self._at.items() if name in _BESIDE_INPUT]
        self._tokens = self._tokens or self._find(_TOTALS)
        known = {"tokens": self._tokens, "requests": self._requests, "cost_usd": self._cost}
        self.says = tuple(quantity for quantity in QUANTITIES if known[quantity])
        used = {*self._day, *self._model, *self._currency, *chain(*known.values())}
        self.ignored = [
            name.strip()[:80] for number, name in enumerate(header) if number not in used
        ]
        telling = (_TELLING[name] for name in names if name in _TELLING)
        self.provider = next(telling, "")
        self._check(header)

    def _find(self, names: Sequence[str]) -> list[int]:
        """Where the first of ``names`` that is there stands; nothing where none is."""
        return [self._at[name] for name in names if name in self._at][:1]

    def _check(self, header: Sequence[str]) -> None:
        missing = [] if self._day else ["the day"]
        if not self.says:
            missing.append("tokens, requests or costs in USD")
        if missing:
            there = ", ".join(name.strip()[:40] for name in header[:20])
            raise refused(f"no column says {' and '.join(missing)}; there are: {there or 'none'}")

    def read(self, row: list[str]) -> tuple[date, str, Billed] | None:
        """A row; None for one that says nothing. Raises ValueError."""
        filled = chain(self._tokens, self._requests, self._cost)
        if not any(self._text(row, [number]) for number in filled):
            return None
        currency = self._text(row, self._currency).lower()
        if currency not in ("", "usd", "$"):
            raise ValueError(f"the amount is in {currency[:10].upper()}, not in USD")
        said = self._text(row, self._cost)
        cost = cells.amount(said, has_decimal_comma=self._has_decimal_comma)
        billed = Billed(
            tokens=sum(self._count(row, [number]) for number in self._tokens),
            requests=self._count(row, self._requests),
            cost_usd=cost,
            rounded_by=cells.rounding(cost) if said else Decimal(0),
        )
        # A cost export names its line "gpt-4o-2024-08-06, input".
        model = self._text(row, self._model).split(", ")[0]
        return cells.day(self._text(row, self._day)), model[:200], billed

    def _count(self, row: list[str], at: list[int]) -> int:
        return cells.count(self._text(row, at), has_decimal_comma=self._has_decimal_comma)

    def _text(self, row: list[str], at: list[int]) -> str:
        return row[at[0]].strip() if at and at[0] < len(row) else ""


def refused(text: str) -> Unprocessable:
    """``text`` may tell of the file, and stands by its field: the audit keeps the message alone."""
    return Unprocessable("the file cannot be read as a bill", fields={"file": [text]})
