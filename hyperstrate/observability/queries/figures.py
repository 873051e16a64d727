"""The log in numbers: usage over time, models, routers, caches, latencies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    case,
    func,
    literal_column,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute

from hyperstrate.observability.models import InferenceLog
from hyperstrate.observability.queries.listing import is_failure
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
    router_id: str
    requests: int
    errors: int
    cost_usd: Decimal
    p95_latency_ms: int | None


@dataclass(frozen=True, slots=True)
class ModelLatency:
    """Of successful requests that took any time."""

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
    """One period. Rates are shares of 1."""

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
        _between(org_id, since, until)
        .with_only_columns(
            _bucket(granularity).label("bucket"),
            func.count(),
            func.sum(InferenceLog.input_tokens),
            func.sum(InferenceLog.output_tokens),
            func.sum(InferenceLog.cost_usd),
            _count_if(is_failure()),
            func.avg(InferenceLog.latency_ms),
        )
        .group_by(literal_column("bucket"))
        .order_by(literal_column("bucket"))
    )
    return [
        UsageBucket(bucket, requests, int(asked), int(answered), cost, errors, float(latency_ms))
        for bucket, requests, asked, answered, cost, errors, latency_ms in session.execute(query)
    ]


def by_model(org_id: str, since: datetime, until: datetime) -> list[ModelUsage]:
    """Most requests first."""
    columns = InferenceLog.model_id, InferenceLog.model_def_key, InferenceLog.provider
    query = (
        _between(org_id, since, until)
        .with_only_columns(
            *columns,
            func.count().label("requests"),
            func.sum(InferenceLog.total_tokens),
            func.sum(InferenceLog.cost_usd),
            _count_if(is_failure()),
        )
        .group_by(*columns)
        .order_by(literal_column("requests").desc(), InferenceLog.model_id)
    )
    return [
        ModelUsage(model_id, key, provider, requests, int(tokens), cost, errors)
        for model_id, key, provider, requests, tokens, cost, errors in session.execute(query)
    ]


def by_router(
    org_id: str, since: datetime, until: datetime, *, router_ids: Iterable[str] | None = None
) -> dict[str, RouterUsage]:
    """By router id, most requests first; requests without a router stand under ''."""
    logs = _between(org_id, since, until)
    if router_ids is not None:
        logs = logs.where(InferenceLog.router_id.in_(list(router_ids)))
    query = (
        logs.with_only_columns(
            InferenceLog.router_id,
            func.count().label("requests"),
            _count_if(is_failure()),
            func.sum(InferenceLog.cost_usd),
        )
        .group_by(InferenceLog.router_id)
        .order_by(literal_column("requests").desc(), InferenceLog.router_id)
    )
    p95 = {row.router_id: row.p95 for row in _percentiles(logs, [InferenceLog.router_id], [95])}
    return {
        router_id: RouterUsage(router_id, requests, errors, cost, p95.get(router_id))
        for router_id, requests, errors, cost in session.execute(query)
    }


def latency(org_id: str, since: datetime, until: datetime) -> list[ModelLatency]:
    """Percentiles by model, most requests first."""
    logs = _between(org_id, since, until).where(InferenceLog.status == "success")
    columns = [InferenceLog.model_def_key, InferenceLog.provider]
    found = [
        ModelLatency(
            row.model_def_key, row.provider, int(row.n), float(row.mean), row.p50, row.p95, row.p99
        )
        for row in _percentiles(logs, columns, [50, 95, 99])
    ]
    return sorted(found, key=lambda model: (-model.count, model.model_def_key))


def cache(org_id: str, since: datetime, until: datetime) -> CacheUsage:
    """How many requests a cache answered."""
    query = _between(org_id, since, until).with_only_columns(
        func.count(),
        _count_if(InferenceLog.cache_hit.is_(True)),
        _count_if(InferenceLog.cache_hit_type == "exact"),
        _count_if(InferenceLog.cache_hit_type == "semantic"),
    )
    return CacheUsage(*session.execute(query).one())


def overview(org_id: str, *, days: int = 7, until: datetime | None = None) -> Overview:
    """The last ``days`` and the ones before."""
    end = until or now()
    middle, start = end - timedelta(days=days), end - timedelta(days=2 * days)
    return Overview(_totals(org_id, middle, end), _totals(org_id, start, middle))


def _totals(org_id: str, since: datetime, until: datetime) -> Totals:
    logs = _between(org_id, since, until)
    query = logs.with_only_columns(
        func.count(),
        func.coalesce(func.sum(InferenceLog.cost_usd), Decimal(0)),
        _count_if(InferenceLog.cache_hit.is_(True)),
        _count_if(is_failure()),
    )
    p95 = next((row.p95 for row in _percentiles(logs, [InferenceLog.org_id], [95])), None)
    return Totals(*session.execute(query).one(), p95_latency_ms=p95)


def _between(org_id: str, since: datetime, until: datetime) -> Select[InferenceLog]:
    return select(InferenceLog).where(
        InferenceLog.org_id == org_id,
        InferenceLog.created_at >= since,
        InferenceLog.created_at < until,
    )


def _bucket(granularity: Granularity) -> ColumnElement[str]:
    if session.get_bind().dialect.name == "sqlite":
        return func.strftime(_SQLITE_FORMAT[granularity], InferenceLog.created_at)
    utc = func.timezone("UTC", InferenceLog.created_at)
    return func.to_char(utc, _POSTGRES_FORMAT[granularity])


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _percentiles(
    logs: Select[Any], by: Sequence[Column], percents: Sequence[int]
) -> Sequence[Row[Any]]:
    """Nearest-rank percentiles of the latency of ``logs``: rows of ``by``, n, mean, p50, p95 ...

    Latencies are whole milliseconds, so the rows are first counted by value: what is then sorted
    is small, however many requests there were.
    """
    ranked = _ranked(logs.where(InferenceLog.latency_ms > 0), by)
    keys = [ranked.c[column.key] for column in by]
    ranks = [
        func.min(
            case((ranked.c.rank * 100 >= ranked.c.total * percent, ranked.c.latency_ms))
        ).label(f"p{percent}")
        for percent in percents
    ]
    mean = func.sum(ranked.c.latency_ms * ranked.c.n) * 1.0 / func.sum(ranked.c.n)
    query: Select[Any] = select(*keys, func.sum(ranked.c.n).label("n"), mean.label("mean"), *ranks)
    return session.execute(query.group_by(*keys)).all()


def _ranked(logs: Select[Any], by: Sequence[Column]) -> FromClause:
    """Each latency with how many requests had it, had it or less, and how many there are."""
    counted = (
        logs.with_only_columns(*by, InferenceLog.latency_ms, func.count().label("n"))
        .group_by(*by, InferenceLog.latency_ms)
        .subquery()
    )
    keys = [counted.c[column.key] for column in by]
    return select(
        *keys,
        counted.c.latency_ms,
        counted.c.n,
        func.sum(counted.c.n).over(partition_by=keys, order_by=counted.c.latency_ms).label("rank"),
        func.sum(counted.c.n).over(partition_by=keys).label("total"),
    ).subquery()


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
