"""The log in numbers: usage over time, models, routers, caches, latencies.

All of it is read from the hourly sums, the present hour included. So a period consists of whole
hours: those that begin in it. One that begins within an hour leaves that hour to the period before.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute

from hyperstrate.observability.latencies import merge, percentiles
from hyperstrate.observability.models import UsageHour
from hyperstrate.observability.sums import Scope
from hyperstrate.shared.db import now, session

Granularity = Literal["hour", "day", "month"]
Column = InstrumentedAttribute[str]
_SQLITE_FORMAT = {"hour": "%Y-%m-%dT%H:00", "day": "%Y-%m-%d", "month": "%Y-%m"}
_POSTGRES_FORMAT = {"hour": 'YYYY-MM-DD"T"HH24:00', "day": "YYYY-MM-DD", "month": "YYYY-MM"}


@dataclass(frozen=True, slots=True)
class UsageBucket:
    """What happened in one hour, day or month of UTC."""

    bucket: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    errors: int
    avg_latency_ms: float


@dataclass(frozen=True, slots=True)
class ModelUsage:
    model_id: str
    model_def_key: str
    provider: str
    requests: int
    total_tokens: int
    cost_usd: Decimal
    errors: int


@dataclass(frozen=True, slots=True)
class RouterUsage:
    """The percentile is less than five per cent off (``latencies``)."""

    router_id: str
    requests: int
    errors: int
    cost_usd: Decimal
    p95_latency_ms: int | None


@dataclass(frozen=True, slots=True)
class ModelLatency:
    """Of successful requests that took any time; percentiles are less than five per cent off."""

    model_def_key: str
    provider: str
    count: int
    avg_ms: float
    p50_ms: int
    p95_ms: int
    p99_ms: int


@dataclass(frozen=True, slots=True)
class CacheUsage:
    total_requests: int
    cache_hits: int
    exact_hits: int
    semantic_hits: int

    @property
    def hit_rate_pct(self) -> float:
        return 100 * _share(self.cache_hits, self.total_requests)


@dataclass(frozen=True, slots=True)
class Totals:
    """One period. Rates are shares of 1; the percentile is less than five per cent off."""

    requests: int
    cost_usd: Decimal
    cache_hits: int
    errors: int
    p95_latency_ms: int | None

    @property
    def cache_hit_rate(self) -> float:
        return _share(self.cache_hits, self.requests)

    @property
    def error_rate(self) -> float:
        return _share(self.errors, self.requests)


@dataclass(frozen=True, slots=True)
class Overview:
    """A period and the equally long one before it."""

    current: Totals
    previous: Totals


def usage(
    org_id: str, since: datetime, until: datetime, *, granularity: Granularity = "day"
) -> list[UsageBucket]:
    """Usage from ``since`` until before ``until``, oldest first; empty buckets are left out."""
    query = (
        _hours(org_id, since, until)
        .with_only_columns(
            _bucket(granularity).label("bucket"),
            func.sum(UsageHour.requests),
            func.sum(UsageHour.input_tokens),
            func.sum(UsageHour.output_tokens),
            func.sum(UsageHour.cost_usd),
            func.sum(UsageHour.errors),
            func.sum(UsageHour.latency_ms),
        )
        .group_by(literal_column("bucket"))
        .order_by(literal_column("bucket"))
    )
    return [
        UsageBucket(
            bucket, int(requests), int(asked), int(answered), cost, int(errors),
            float(latency_ms) / float(requests),
        )
        for bucket, requests, asked, answered, cost, errors, latency_ms in session.execute(query)
    ]  # fmt: skip


def by_model(org_id: str, since: datetime, until: datetime) -> list[ModelUsage]:
    """Most requests first."""
    columns = UsageHour.model_id, UsageHour.model_def_key, UsageHour.provider
    query = (
        _hours(org_id, since, until, scope="model")
        .with_only_columns(
            *columns,
            func.sum(UsageHour.requests).label("requests"),
            func.sum(UsageHour.input_tokens + UsageHour.output_tokens),
            func.sum(UsageHour.cost_usd),
            func.sum(UsageHour.errors),
        )
        .group_by(*columns)
        .order_by(literal_column("requests").desc(), UsageHour.model_id)
    )
    return [
        ModelUsage(model_id, key, provider, int(requests), int(tokens), cost, int(errors))
        for model_id, key, provider, requests, tokens, cost, errors in session.execute(query)
    ]


def by_router(
    org_id: str, since: datetime, until: datetime, *, router_ids: Collection[str] | None = None
) -> dict[str, RouterUsage]:
    """By router id, most requests first; requests without a router stand under ''."""
    hours = _hours(org_id, since, until, scope="router")
    if router_ids is not None:
        hours = hours.where(UsageHour.router_id.in_(router_ids))
    query = (
        hours.with_only_columns(
            UsageHour.router_id,
            func.sum(UsageHour.requests).label("requests"),
            func.sum(UsageHour.errors),
            func.sum(UsageHour.cost_usd),
        )
        .group_by(UsageHour.router_id)
        .order_by(literal_column("requests").desc(), UsageHour.router_id)
    )
    latencies = _latencies(hours, UsageHour.router_id)
    p95 = {router_id: percentiles(counts, [95])[0] for (router_id,), counts in latencies.items()}
    return {
        router_id: RouterUsage(router_id, int(requests), int(errors), cost, p95.get(router_id))
        for router_id, requests, errors, cost in session.execute(query)
    }


def latency(org_id: str, since: datetime, until: datetime) -> list[ModelLatency]:
    """Percentiles by model, most requests first."""
    columns = UsageHour.model_def_key, UsageHour.provider
    hours = _hours(org_id, since, until, scope="model")
    sums = hours.with_only_columns(*columns, func.sum(UsageHour.latency_ms)).group_by(*columns)
    latency_ms = {(key, provider): float(total) for key, provider, total in session.execute(sums)}
    found = []
    for (key, provider), counts in _latencies(hours, *columns).items():
        count = sum(counts.values())
        mean_ms = latency_ms[key, provider] / count
        p50, p95, p99 = percentiles(counts, (50, 95, 99))
        found.append(ModelLatency(key, provider, count, mean_ms, p50, p95, p99))
    return sorted(found, key=lambda model: (-model.count, model.model_def_key, model.provider))


def cache(org_id: str, since: datetime, until: datetime) -> CacheUsage:
    """How many requests a cache answered."""
    query = _hours(org_id, since, until).with_only_columns(
        _sum(UsageHour.requests),
        _sum(UsageHour.cache_hits),
        _sum(UsageHour.exact_hits),
        _sum(UsageHour.semantic_hits),
    )
    return CacheUsage(*map(int, session.execute(query).one()))


def overview(org_id: str, *, days: int = 7, until: datetime | None = None) -> Overview:
    """The last ``days`` and the ones before."""
    end = until or now()
    middle, start = end - timedelta(days=days), end - timedelta(days=2 * days)
    return Overview(_totals(org_id, middle, end), _totals(org_id, start, middle))


def _totals(org_id: str, since: datetime, until: datetime) -> Totals:
    hours = _hours(org_id, since, until)
    query = hours.with_only_columns(
        _sum(UsageHour.requests),
        func.coalesce(func.sum(UsageHour.cost_usd), Decimal(0)),
        _sum(UsageHour.cache_hits),
        _sum(UsageHour.errors),
    )
    requests, cost_usd, cache_hits, errors = session.execute(query).one()
    latencies = _latencies(hours, UsageHour.org_id).values()
    p95 = next((percentiles(counts, [95])[0] for counts in latencies), None)
    return Totals(int(requests), cost_usd, int(cache_hits), int(errors), p95)


def _hours(
    org_id: str, since: datetime, until: datetime, *, scope: Scope = "all"
) -> Select[UsageHour]:
    return select(UsageHour).where(
        UsageHour.org_id == org_id,
        UsageHour.scope == scope,
        UsageHour.hour >= since,
        UsageHour.hour < until,
    )


def _latencies(hours: Select[Any], *by: Column) -> dict[tuple[str, ...], dict[str, int]]:
    """The counts of the hours, merged; what has none is left out."""
    found: dict[tuple[str, ...], dict[str, int]] = {}
    for *key, counts in session.execute(hours.with_only_columns(*by, UsageHour.latencies)):
        if counts:
            merge(found.setdefault(tuple(key), {}), counts)
    return found


def _bucket(granularity: Granularity) -> ColumnElement[str]:
    if session.get_bind().dialect.name == "sqlite":
        return func.strftime(_SQLITE_FORMAT[granularity], UsageHour.hour)
    utc = func.timezone("UTC", UsageHour.hour)
    return func.to_char(utc, _POSTGRES_FORMAT[granularity])


def _sum(column: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
