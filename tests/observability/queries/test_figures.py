"""The figures are right, and the same on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hyperstrate.observability import queries
from hyperstrate.observability.latencies import about
from hyperstrate.observability.queries import Granularity
from hyperstrate.shared.chat import Usage
from tests.observability.conftest import Store
from tests.observability.installation import ACME, make_event

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)


def at(month: int, day: int, hour: int = 0, minute: int = 0) -> float:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("granularity", "buckets"),
    [
        ("hour", {"2026-03-31T23:00": 2, "2026-04-01T00:00": 1}),
        ("day", {"2026-03-31": 2, "2026-04-01": 1}),
        ("month", {"2026-03": 2, "2026-04": 1}),
    ],
)
def test_usage_falls_into_buckets_of_utc(
    store: Store, granularity: Granularity, buckets: dict[str, int]
) -> None:
    for moment in (at(3, 31, 23, 1), at(3, 31, 23, 59), at(4, 1)):
        store(make_event(at=moment))

    found = queries.usage(ACME, START, END, granularity=granularity)

    assert {bucket.bucket: bucket.requests for bucket in found} == buckets


def test_usage_adds_tokens_errors_latency_and_money_exactly(store: Store) -> None:
    tenth = Decimal("0.1000000001")
    for latency_ms in (100, 200, 600):
        store(make_event(at=at(4, 2), cost_usd=tenth, latency_ms=latency_ms))
    store(make_event(at=at(4, 2), status="error", latency_ms=100, cost_usd=Decimal(0)))

    (day,) = queries.usage(ACME, START, END)

    assert (day.requests, day.input_tokens, day.output_tokens, day.errors) == (4, 40, 20, 1)
    assert day.cost_usd == Decimal("0.3000000003")
    assert day.avg_latency_ms == 250.0


def test_the_end_of_a_period_is_not_in_it(store: Store) -> None:
    store(make_event(at=START.timestamp()), make_event(at=END.timestamp()))

    (first,) = queries.usage(ACME, START, END)

    assert (first.bucket, first.requests) == ("2026-03-01", 1)


def test_a_period_has_the_hours_that_begin_in_it(store: Store) -> None:
    store(*(make_event(at=at(4, 1, hour, minute)) for hour in (10, 11, 12) for minute in (5, 55)))
    since = datetime(2026, 4, 1, 10, 30, tzinfo=UTC)

    found = queries.usage(ACME, since, since + timedelta(hours=2), granularity="hour")
    before = queries.usage(ACME, since - timedelta(hours=2), since, granularity="hour")

    assert [bucket.bucket for bucket in found] == ["2026-04-01T11:00", "2026-04-01T12:00"]
    assert [bucket.bucket for bucket in before] == ["2026-04-01T10:00"]
    assert {bucket.requests for bucket in found + before} == {2}


def test_models_come_by_their_number_of_requests(store: Store) -> None:
    big = Usage(input_tokens=1000)
    for _ in range(2):
        store(make_event(at=at(4, 1), model_id="mdl_2", model_def_key="big", usage=big))
    store(make_event(at=at(4, 1), model_id="mdl_1", status="error", cost_usd=Decimal("0.5")))

    first, second = queries.by_model(ACME, START, END)

    assert (first.model_id, first.requests, first.total_tokens) == ("mdl_2", 2, 2000)
    assert second == queries.ModelUsage("mdl_1", "dummy", "DUMMY", 1, 15, Decimal("0.5"), 1)


def test_routers_come_with_errors_cost_and_p95(store: Store) -> None:
    for latency_ms in range(1, 101):
        store(make_event(at=at(4, 1), router_id="a", latency_ms=latency_ms))
    store(make_event(at=at(4, 1), router_id="b", status="error", latency_ms=0.2))

    found = queries.by_router(ACME, START, END)

    cost = 100 * Decimal("0.0000012345")
    assert found["a"] == queries.RouterUsage("a", 100, 0, cost, about(95))
    assert found["b"] == queries.RouterUsage("b", 1, 1, Decimal("0.0000012345"), None)
    assert list(queries.by_router(ACME, START, END, router_ids=["b"])) == ["b"]


@pytest.mark.parametrize(
    ("latencies", "p50", "p95", "p99"),
    [
        ([7], 7, 7, 7),
        ([1, 2], 1, 2, 2),
        (list(range(1, 21)), 10, 19, 20),
        ([5] * 99 + [9], 5, 5, 5),
        ([5] * 98 + [9] * 2, 5, 5, 9),
    ],
)
def test_percentiles_are_of_the_nearest_rank(
    store: Store, latencies: list[int], p50: int, p95: int, p99: int
) -> None:
    store(*(make_event(at=at(4, 1), latency_ms=latency_ms) for latency_ms in latencies))
    store(make_event(at=at(4, 1), latency_ms=90_000, status="error"))

    (model,) = queries.latency(ACME, START, END)

    assert (model.count, model.p50_ms, model.p95_ms, model.p99_ms) == (
        len(latencies), p50, p95, p99
    )  # fmt: skip
    assert model.avg_ms == pytest.approx(sum(latencies) / len(latencies))


def test_caches_are_counted_by_their_kind(store: Store) -> None:
    for kind in ("exact", "exact", "semantic", ""):
        store(make_event(at=at(4, 1), cache_hit_type=kind))

    found = queries.cache(ACME, START, END)

    assert found == queries.CacheUsage(4, 3, 2, 1)
    assert found.hit_rate_pct == 75.0
    assert queries.CacheUsage(0, 0, 0, 0).hit_rate_pct == 0.0


def test_the_overview_compares_with_the_period_before(store: Store) -> None:
    end = datetime(2026, 4, 15, tzinfo=UTC)
    recent, older, gone = (end - timedelta(days=days) for days in (1, 8, 15))
    store(
        make_event(at=recent.timestamp(), latency_ms=50, cost_usd=Decimal(1)),
        make_event(at=recent.timestamp(), latency_ms=70, status="error", cost_usd=Decimal(0)),
        make_event(at=older.timestamp(), cache_hit_type="exact", latency_ms=9),
        make_event(at=gone.timestamp()),
    )

    found = queries.overview(ACME, days=7, until=end)

    assert found.current == queries.Totals(2, Decimal(1), 0, 1, about(70))
    assert (found.current.error_rate, found.current.cache_hit_rate) == (0.5, 0.0)
    assert (found.previous.requests, found.previous.cache_hit_rate) == (1, 1.0)


def test_the_overview_of_nothing_is_nothing(store: Store) -> None:
    found = queries.overview(ACME)

    assert found.current == found.previous == queries.Totals(0, Decimal(0), 0, 0, None)
    assert found.current.error_rate == 0.0
