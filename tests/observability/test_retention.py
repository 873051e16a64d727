"""What is older than it should be goes, in batches; the rest stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from hyperstrate.observability import queries, retention
from hyperstrate.observability.models import InferenceLog, InferencePayload
from hyperstrate.observability.sums import hour_of
from hyperstrate.shared.db import now, session
from tests.observability.conftest import Store
from tests.observability.installation import ACME, make_event


@pytest.mark.parametrize("batch", [1, 2, 5000])
def test_old_logs_and_payloads_go_and_young_ones_stay(
    store: Store, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(retention, "BATCH", batch)
    for name, days in (("a", 31), ("b", 40), ("c", 500), ("young", 29)):
        at = (now() - timedelta(days=days)).timestamp()
        store(make_event(id=name, at=at, response_text="x"))

    assert retention.purge(30) == 6

    assert session.scalars(select(InferenceLog.id)).all() == ["young"]
    assert session.scalars(select(InferencePayload.log_id)).all() == ["young"]
    assert retention.purge(30) == 0


def test_the_sums_outlive_the_logs(store: Store) -> None:
    for days in (41, retention.SUMS_DAYS + 1, 2000):
        store(make_event(at=(now() - timedelta(days=days)).timestamp()))

    retention.purge(40)
    kept = queries.cache(ACME, now() - timedelta(days=3000), now()).total_requests
    retention.purge(1000)

    assert session.scalars(select(InferenceLog.id)).all() == []
    assert kept == 1


def test_sums_stay_as_long_as_logs_that_stay_longer(store: Store) -> None:
    for days in (450, 2000):
        store(make_event(at=(now() - timedelta(days=days)).timestamp()))

    retention.purge(500)

    assert queries.cache(ACME, now() - timedelta(days=3000), now()).total_requests == 1


def test_of_an_hour_all_logs_go_or_none(store: Store) -> None:
    limit = hour_of(now() - timedelta(days=30))
    times = (limit, limit - timedelta(seconds=1))
    store(*(make_event(id=f"{at:%H:%M}", at=at.timestamp()) for at in times))

    retention.purge(30)

    assert session.scalars(select(InferenceLog.id)).all() == [f"{limit:%H:%M}"]
