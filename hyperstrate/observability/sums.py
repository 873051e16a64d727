"""The hourly sums of the log: kept with it in one transaction, and built anew from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import delete, func, select, text, update

from hyperstrate.observability.latencies import about, merge
from hyperstrate.observability.models import InferenceLog, UsageHour
from hyperstrate.shared.bulk import add_many
from hyperstrate.shared.db import now, session, unit_of_work

_alike_by = itemgetter("org_id", "router_id", "model_id", "model_def_key", "provider", "status")
Scope = Literal["all", "router", "model"]
Key = tuple[Any, ...]
HOUR = timedelta(hours=1)
MOST = 10**12  # of tokens or milliseconds in one request: nonsense must not overflow an hour's sum
MAX_NAME = 200  # PostgreSQL refuses long keys
_KEY = ("org_id", "scope", "hour", "router_id", "model_id", "model_def_key", "provider")
MEASURES = (
    "requests", "errors", "cache_hits", "exact_hits", "semantic_hits", "input_tokens",
    "output_tokens", "cost_usd", "latency_ms",
)  # fmt: skip
_READ = (
    "org_id", "created_at", "router_id", "model_id", "model_def_key", "provider", "status",
    "cache_hit_type", "input_tokens", "output_tokens", "cost_usd", "latency_ms",
)  # fmt: skip


@dataclass(slots=True)
class _Sum:
    measures: list[Any] = field(default_factory=lambda: [0] * len(MEASURES))
    latencies: Counter[str] = field(default_factory=Counter)

    def add(self, measures: Iterable[Any], latencies: Counter[str]) -> None:
        self.measures = [sum(pair) for pair in zip(self.measures, measures, strict=True)]
        self.latencies.update(latencies)


def hour_of(when: datetime) -> datetime:
    """The hour of UTC in which that was."""
    return when.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def add(logs: Iterable[Mapping[str, Any]]) -> None:
    """Count these logs. Call it once for each, in the transaction that inserts it."""
    found: dict[Key, _Sum] = defaultdict(_Sum)
    for alike in _alike(logs):
        measures = [sum(column) for column in zip(*map(_measures, alike), strict=True)]
        took = Counter(str(about(log["latency_ms"])) for log in alike if log["latency_ms"] > 0)
        is_success = alike[0]["status"] == "success"
        for key in _keys(alike[0]):
            if is_success or key[1] != "model":
                found[key].add(measures, took)
            else:
                found[key].add((*measures[:-1], 0), Counter())
    if found:
        _upsert(found)


def _alike(logs: Iterable[Mapping[str, Any]]) -> Iterable[list[Mapping[str, Any]]]:
    """Logs of one organisation, hour, router, model and outcome together."""
    groups: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for log in logs:
        groups[hour_of(log["created_at"]), *_alike_by(log)].append(log)
    return groups.values()


def rebuild(days: int) -> int:
    """Build the sums anew from the logs of the last ``days``; returns of how many hours.

    An hour at a time, so that recording goes on. Hours before the oldest log keep their sums.
    """
    oldest = session.scalar(select(func.min(InferenceLog.created_at)))
    newest = session.scalar(select(func.max(InferenceLog.created_at)))
    session.rollback()
    if oldest is None or newest is None:
        return 0
    hour, last = max(hour_of(oldest), hour_of(now() - timedelta(days=days))), max(newest, now())
    count = 0
    while hour <= last:
        with unit_of_work():
            _rebuild(hour)
        hour += HOUR
        count += 1
    return count


def _measures(log: Mapping[str, Any]) -> tuple[Any, ...]:
    hit = log["cache_hit_type"]
    return (
        1,
        log["status"] == "error",
        bool(hit),
        hit == "exact",
        hit == "semantic",
        min(log["input_tokens"], MOST),
        min(log["output_tokens"], MOST),
        log["cost_usd"],
        min(max(log["latency_ms"], 0), MOST),
    )


def _keys(log: Mapping[str, Any]) -> Iterator[Key]:
    """One of each scope."""
    org_id, hour = log["org_id"], hour_of(log["created_at"])
    model = (log[name][:MAX_NAME] for name in ("model_id", "model_def_key", "provider"))
    yield org_id, "all", hour, "", "", "", ""
    yield org_id, "router", hour, log["router_id"][:MAX_NAME], "", "", ""
    yield org_id, "model", hour, "", *model


def _upsert(found: dict[Key, _Sum]) -> None:
    """First the numbers, which locks the rows; then the latencies, with those counted before.

    In the order of the keys: so recorders of two hosts never wait for each other in a circle.
    """
    rows = [
        _named(_KEY, key) | _named(MEASURES, found[key].measures) | {"latencies": {}}
        for key in sorted(found)
    ]
    merged = []
    for row in add_many(UsageHour, rows, key=_KEY, amounts=MEASURES):
        key = tuple(row[name] for name in _KEY)
        merge(row["latencies"], found[key].latencies)
        merged.append(_named(_KEY, key) | {"latencies": row["latencies"]})
    session.execute(update(UsageHour), merged)


def _named(names: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def _rebuild(hour: datetime) -> None:
    """One hour of all organisations; a recorder waits meanwhile, and then adds what is new."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK usage_hours IN SHARE ROW EXCLUSIVE MODE"))
    session.execute(delete(UsageHour).where(UsageHour.hour == hour))
    logs = select(*(getattr(InferenceLog, name) for name in _READ)).where(
        InferenceLog.created_at >= hour, InferenceLog.created_at < hour + HOUR
    )
    add(row._asdict() for row in session.execute(logs))
