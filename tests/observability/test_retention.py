"""What is older than it should be goes, in batches; the rest stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from hyperstrate.observability import retention
from hyperstrate.observability.models import InferenceLog, InferencePayload
from hyperstrate.shared.db import now, session
from tests.observability.conftest import Store
from tests.observability.installation import make_event


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
