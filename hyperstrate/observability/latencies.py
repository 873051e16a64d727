"""Latencies as a histogram: small, added to anywhere, with percentiles within five per cent."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise

ERROR_PERCENT = 5
VALUES: tuple[int, ...] = (
    *range(1, 61),
    *(round(math.pow(10, step / 25)) for step in range(45, 165)),
)
_MIDDLES = [(low + high) / 2 for low, high in pairwise(VALUES)]


def about(latency_ms: int) -> int:
    """The nearest of VALUES: exact up to 60 ms, then 25 values a decade, up to an hour.

    Less than ERROR_PERCENT off. What took longer than an hour counts as one.
    """
    return VALUES[bisect_left(_MIDDLES, latency_ms)]


def merge(counts: dict[str, int], more: Mapping[str, int]) -> None:
    """Add ``more`` to ``counts``, both by the latency as text: so they are JSON."""
    for value, count in more.items():
        counts[value] = counts.get(value, 0) + count


def percentiles(counts: Mapping[str, int], percents: Iterable[int]) -> list[int]:
    """Of the nearest rank, in ms, less than ERROR_PERCENT off; needs counts."""
    ordered = sorted((int(value), count) for value, count in counts.items())
    ranks = list(accumulate(count for _, count in ordered))
    return [
        ordered[bisect_left(ranks, math.ceil(ranks[-1] * percent / 100))][0] for percent in percents
    ]
