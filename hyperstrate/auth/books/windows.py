"""The windows of time in which budgets count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import inf
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

Period = Literal["daily", "weekly", "monthly", "rolling", "total"]
PERIODS: tuple[Period, ...] = ("daily", "weekly", "monthly", "rolling", "total")
HOUR_S = 3600
QUARTER_S = 900  # of an hour: at one of these it is midnight, in every zone of today


class Spans(Protocol):
    """A budget, as far as its windows go."""

    @property
    def period(self) -> str: ...
    @property
    def time_zone(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` until before ``end``, Unix seconds."""

    start: float
    end: float


def calendar(period: str, time_zone: str, at: float) -> Window:
    """The day, week (from Monday) or month around ``at`` by the clocks of ``time_zone``; or all.

    A day on which the clocks change is as long as it is there.
    """
    return _calendar(period, time_zone, at // QUARTER_S * QUARTER_S)


@lru_cache(maxsize=1024)
def _calendar(period: str, time_zone: str, at: float) -> Window:
    if period == "total":
        return Window(0.0, inf)
    zone = ZoneInfo(time_zone)
    day = datetime.fromtimestamp(at, zone).replace(
        hour=0, minute=0, second=0, microsecond=0, fold=0
    )
    if period == "daily":
        first, after = day, day + timedelta(days=1)
    elif period == "weekly":
        first = day - timedelta(days=day.weekday())
        after = first + timedelta(days=7)
    else:
        first = day.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
    return Window(first.timestamp(), after.timestamp())


def around(budget: Spans, at: float) -> Window:
    """The window of ``budget`` around ``at``: where it ends, its next one begins."""
    if budget.period == "rolling":
        return Window(0.0, inf)
    return calendar(budget.period, budget.time_zone, at)


def hour_of(at: float) -> int:
    """When the hour of ``at`` began: the grain of rolling windows."""
    return int(at // HOUR_S) * HOUR_S


def rolling_start(hours: int, at: float) -> int:
    """The first hour that the last ``hours`` before ``at`` touch: the oldest one counts whole."""
    return hour_of(at) - hours * HOUR_S
