"""How long logs are kept, and longer than they their hourly sums."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import InstrumentedAttribute

from hyperstrate.observability import audit_chain
from hyperstrate.observability.models import (
    InferenceLog,
    InferencePayload,
    UsageHour,
    WebhookDelivery,
)
from hyperstrate.observability.sums import hour_of
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.queue import QueuedJob

BATCH = 5000
SUMS_DAYS = 400  # a month can be compared with the same one a year before


def purge(days: int) -> int:
    """Delete logs, payloads and deliveries older than ``days``, a batch and a commit at a time.

    They go by whole hours, so that of each hour all logs are there, or none. The sums, which are
    small, stay for SUMS_DAYS, or as long as the logs if that is longer. Jobs that are over go when
    their own time is. Returns how many logs and payloads went.
    """
    limit = hour_of(now() - timedelta(days=days))
    _purge_sums(limit - timedelta(days=max(0, SUMS_DAYS - days)))
    _purge(WebhookDelivery.id, WebhookDelivery.created_at, limit)
    _purge(QueuedJob.id, QueuedJob.forget_at, now())
    return _purge(InferencePayload.log_id, InferencePayload.created_at, limit) + _purge(
        InferenceLog.id, InferenceLog.created_at, limit
    )


def purge_audit(days: int) -> int:
    """Delete audit rows older than ``days``, a chain and a commit at a time; how many went."""
    limit, gone = now() - timedelta(days=days), 0
    for org_id in audit_chain.chains():
        with unit_of_work():
            gone += audit_chain.purge(org_id, limit)
    return gone


def _purge_sums(limit: datetime) -> None:
    with unit_of_work():
        session.execute(delete(UsageHour).where(UsageHour.hour < limit))


def _purge(
    key: InstrumentedAttribute[str],
    time: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    limit: datetime,
) -> int:
    old = select(key).where(time < limit).order_by(time).limit(BATCH)
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
