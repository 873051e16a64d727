"""How long logs are kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import InstrumentedAttribute

from hyperstrate.observability.models import InferenceLog, InferencePayload
from hyperstrate.shared.db import now, session, unit_of_work

BATCH = 5000


def purge(days: int) -> int:
    """Delete logs and payloads older than ``days``, a batch and a commit at a time."""
    limit = now() - timedelta(days=days)
    return _purge(InferencePayload.log_id, InferencePayload.created_at, limit) + _purge(
        InferenceLog.id, InferenceLog.created_at, limit
    )


def _purge(
    key: InstrumentedAttribute[str], created_at: InstrumentedAttribute[datetime], limit: datetime
) -> int:
    old = select(key).where(created_at < limit).limit(BATCH)
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
