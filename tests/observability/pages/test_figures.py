"""The numbers of Home and how they changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hyperstrate.observability.pages import figures
from hyperstrate.observability.queries import Overview, Totals, UsageBucket

MINUS = "\N{MINUS SIGN}"


def totals(**changes: Any) -> Totals:
    values = {"requests": 100, "cost_usd": Decimal(1), "cache_hits": 10, "errors": 5}
    return Totals(**{"p95_latency_ms": 1000, **values, **changes})


@pytest.mark.parametrize(
    ("label", "change", "said"),
    [
        ("Requests", {"requests": 150, "cache_hits": 15, "errors": 7}, ("+50.0%", "")),
        ("Requests", {}, ("±0.0%", "")),
        ("Cost", {"cost_usd": Decimal("0.5")}, (f"{MINUS}50.0%", "")),
        ("Cache hits", {"cache_hits": 20}, ("+10 pp", "good")),
        ("Cache hits", {"cache_hits": 5}, (f"{MINUS}5 pp", "bad")),
        ("Error rate", {"errors": 6}, ("+1 pp", "bad")),
        ("Error rate", {"errors": 0}, (f"{MINUS}5 pp", "good")),
        ("p95 latency", {"p95_latency_ms": 1250}, ("+250 ms", "bad")),
        ("p95 latency", {"p95_latency_ms": 400}, (f"{MINUS}600 ms", "good")),
        ("p95 latency", {"p95_latency_ms": None}, ("", "")),
    ],
)
def test_a_change_is_told_and_judged(
    label: str, change: dict[str, Any], said: tuple[str, str]
) -> None:
    stats = figures.stats(Overview(totals(**change), totals()))

    (stat,) = [stat for stat in stats if stat.label == label]
    assert (stat.change, stat.tone) == said


def test_without_a_past_there_is_no_change() -> None:
    nothing = totals(requests=0, cost_usd=Decimal(0), cache_hits=0, errors=0, p95_latency_ms=None)

    stats = figures.stats(Overview(totals(), nothing))

    assert {stat.change for stat in stats} == {""}


def test_hours_without_requests_stand_in_the_chart() -> None:
    until = datetime(2026, 11, 22, 14, 20, tzinfo=UTC)
    busy = UsageBucket("2026-11-22T13:00", 7, 0, 0, Decimal(0), 2, 1.0)

    chart = figures.by_hour([busy], until - timedelta(hours=4), until)

    hours = [datetime.fromtimestamp(moment, UTC).hour for moment in chart["x"]]
    assert hours == [11, 12, 13, 14]
    assert [series["values"] for series in chart["series"]] == [[0, 0, 7, 0], [0, 0, 2, 0]]
