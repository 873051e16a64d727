"""The figures over REST, in the original's words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from hyperstrate.shared.db import now
from tests.observability.conftest import Store
from tests.observability.installation import make_event

ClientAs = Callable[[str | None], FlaskClient]
PATHS = ["usage", "models", "routers", "errors", "latency", "cache"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("name", "status"), [(None, 401), ("key", 401), ("member", 403)])
def test_only_admins_may_read(
    client_as: ClientAs, path: str, name: str | None, status: int
) -> None:
    assert client_as(name).get(f"/analytics/{path}").status_code == status


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_sees_nothing(store: Store, client_as: ClientAs, path: str) -> None:
    store(make_event(at=now().timestamp(), status="error"))

    answer = client_as("stranger").get(f"/analytics/{path}").get_json()

    assert answer.get("data", []) == []
    assert answer.get("totalRequests", 0) == 0


def test_usage_is_of_the_last_month_by_day(store: Store, client_as: ClientAs) -> None:
    at = now()
    long_ago = at - timedelta(days=40)
    store(
        make_event(at=at.timestamp(), cost_usd=Decimal("0.5")),
        make_event(at=long_ago.timestamp()),
    )

    answer = client_as("admin").get("/analytics/usage").get_json()

    assert answer["data"] == [
        {
            "bucket": at.strftime("%Y-%m-%d"),
            "requests": 1,
            "inputTokens": 10,
            "outputTokens": 5,
            "costUsd": 0.5,
            "errorCount": 0,
            "avgLatencyMs": 100.0,
        }
    ]


def test_models_and_routers_have_their_names(store: Store, client_as: ClientAs) -> None:
    store(make_event(at=now().timestamp(), status="error", cost_usd=Decimal("0.5")))
    admin = client_as("admin")

    (model,) = admin.get("/analytics/models").get_json()["data"]
    (router,) = admin.get("/analytics/routers").get_json()["data"]

    assert (model["modelId"], model["totalTokens"], model["errorCount"]) == ("mdl_1", 15, 1)
    assert model["model"]["alias"] == "fast"
    assert router["router"] == {"id": "rtr_1", "name": "Support bot"}
    assert (router["errors"], router["costUsd"], router["p95LatencyMs"]) == (1, 0.5, 100)


@pytest.mark.parametrize(("limit", "count"), [("", 3), ("?limit=2", 2), ("?limit=-1", 3)])
def test_errors_are_the_newest_failures(
    store: Store, client_as: ClientAs, limit: str, count: int
) -> None:
    store(*(make_event(at=float(number), status="error") for number in range(3)), make_event())

    found = client_as("admin").get(f"/analytics/errors{limit}").get_json()["data"]

    assert [log["status"] for log in found] == ["error"] * count
    assert found[0]["createdAt"] == "1970-01-01T00:00:02+00:00"


def test_latency_and_cache_use_the_original_names(store: Store, client_as: ClientAs) -> None:
    store(make_event(at=now().timestamp(), cache_hit_type="exact"))
    admin = client_as("admin")

    (latency,) = admin.get("/analytics/latency").get_json()["data"]
    cache = admin.get("/analytics/cache").get_json()

    assert (latency["count"], latency["avgMs"], latency["p99Ms"]) == (1, 100.0, 100)
    assert cache == {
        "totalRequests": 1, "cacheHits": 1, "exactHits": 1, "semanticHits": 0, "hitRatePct": 100.0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("granularity=week", "validation failed"),
        ("from=yesterday", "invalid 'from' date, use YYYY-MM-DD"),
    ],
)
def test_nonsense_in_the_query_is_a_400(client_as: ClientAs, query: str, message: str) -> None:
    answer = client_as("admin").get(f"/analytics/usage?{query}")

    assert (answer.status_code, answer.get_json()["error"]) == (400, message)
