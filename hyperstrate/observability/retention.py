"""How long logs are kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import InstrumentedAttribute

from hyperstrate.observability.models import InferenceLog, InferencePayload, WebhookDelivery
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.queue import QueuedJob

BATCH = 5000


def purge(days: int) -> int:
    """Delete logs, payloads and deliveries older than ``days``, a batch and a commit at a time.

    Jobs that are over go when their own time is. Returns how many logs and payloads went.
    """
    limit = now() - timedelta(days=days)
    _purge(WebhookDelivery.id, WebhookDelivery.created_at, limit)
    _purge(QueuedJob.id, QueuedJob.forget_at, now())
    return _purge(InferencePayload.log_id, InferencePayload.created_at, limit) + _purge(
        InferenceLog.id, InferenceLog.created_at, limit
    )


def _purge(
    key: InstrumentedAttribute[str],
    time: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    limit: datetime,
) -> int:
    old = select(key).where(time < limit).limit(BATCH)
    total = 0
    while True:
        with unit_of_work():
            done: CursorResult[Any] = session.execute(  # type: ignore[assignment]
                delete(key.class_).where(key.in_(old)),
                execution_options={"synchronize_session": False},
            )
        total += done.rowcount
        if done.rowcount < BATCH:
            return total
