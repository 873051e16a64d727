"""A period in numbers as Home shows them: each with its change, and the requests by the hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hyperstrate.observability.latencies import ERROR_PERCENT
from hyperstrate.observability.queries import Overview, Totals, UsageBucket
from hyperstrate.shared.formats import money, ms, number, percent

MINUS = "\N{MINUS SIGN}"
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stat:
    """One number; ``args`` are the filters of the logs behind it, ``tone`` judges the change.

    ``help`` says how exact it is, where it is not.
    """

    label: str
    value: str
    change: str
    tone: str
    args: dict[str, str]
    help: str = ""


def stats(overview: Overview) -> list[Stat]:
    """Requests, cost, cache hits, errors and latency, compared with the period before."""
    present, past = overview.current, overview.previous
    hits, errors = present.cache_hit_rate, present.error_rate
    slow_ms = present.p95_latency_ms
    return [
        Stat("Requests", number(present.requests), *_growth(present.requests, past.requests), {}),
        Stat("Cost", money(round(present.cost_usd, 6)),
             *_growth(present.cost_usd, past.cost_usd), {}),
        Stat("Cache hits", percent(hits), *_points(hits, past.cache_hit_rate, past, 1),
             {"cacheHit": "true"}),
        Stat("Error rate", percent(errors), *_points(errors, past.error_rate, past, -1),
             {"status": "error"}),
        Stat("p95 latency", ms(slow_ms), *_slower(slow_ms, past.p95_latency_ms),
             {"minLatencyMs": str(slow_ms)} if slow_ms else {}, f"within {ERROR_PERCENT}%"),
    ]  # fmt: skip


def _growth(present: Any, past: Any) -> tuple[str, str]:
    """More is neither good nor bad. Nothing to compare with gives no change."""
    if not past:
        return "", ""
    share = float(present) / float(past) - 1
    return _signed(share, f"{abs(share) * 100:,.1f}%"), ""


def _points(present: float, past: float, before: Totals, good: int) -> tuple[str, str]:
    """Of a share, in percentage points; ``good``: the sign of a change for the better."""
    if not before.requests:
        return "", ""
    points = round((present - past) * 100, 2)
    return _signed(points, f"{number(abs(points))} pp"), _tone(points * good)


def _slower(present: int | None, past: int | None) -> tuple[str, str]:
    if present is None or past is None:
        return "", ""
    return _signed(present - past, ms(abs(present - past))), _tone(past - present)


def _signed(change: float, text: str) -> str:
    return f"{'+' if change > 0 else MINUS if change < 0 else '±'}{text}"


def _tone(better: float) -> str:
    return "good" if better > 0 else "bad" if better < 0 else ""


def by_hour(buckets: Sequence[UsageBucket], since: datetime, until: datetime) -> dict[str, Any]:
    """Requests and errors for ``ui.chart``, hours without any among them."""
    found = {
        datetime.fromisoformat(bucket.bucket).replace(tzinfo=UTC): bucket for bucket in buckets
    }
    first = since.replace(minute=0, second=0, microsecond=0) + HOUR
    hours = [first + HOUR * step for step in range(int((until - first) / HOUR) + 1)]
    rows = [found.get(hour) for hour in hours]
    return {
        "x": [int(hour.timestamp()) for hour in hours],
        "series": [
            _bars("Requests", [row.requests if row else 0 for row in rows]),
            _bars("Errors", [row.errors if row else 0 for row in rows]),
        ],
    }


def _bars(label: str, values: list[int]) -> dict[str, Any]:
    """One series; as bars, since an hour that has just begun would pull a line down."""
    return {"label": label, "values": values, "unit": "", "kind": "bars"}
