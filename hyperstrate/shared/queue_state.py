"""How the queue is: what waits, and what was given up; bounded, so that looking costs little."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from hyperstrate.shared.db import now, session
from hyperstrate.shared.queue import KEEP_DONE, OPEN, QueuedJob

MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs that are not done: how many, MOST_COUNTED at most; ``since``: the first was to run."""

    count: int
    since: datetime | None


def waiting(*, name: str = "", before: datetime | None = None) -> Waiting:
    """The jobs that are not done: of one name, and those that were to run before a time."""
    found = select(QueuedJob.run_at).where(QueuedJob.status.in_(OPEN))
    if name:
        found = found.where(QueuedJob.name == name)
    if before is not None:
        found = found.where(QueuedJob.run_at <= before)
    few = found.order_by(QueuedJob.run_at).limit(MOST_COUNTED).subquery()
    row = session.execute(select(func.count(), func.min(few.c.run_at)).select_from(few)).one()
    return Waiting(row[0], row[1])


def count_failed() -> int:
    """How many jobs were given up in the last weeks, MOST_COUNTED at most.

    What is done is forgotten sooner, so that the index of ``forget_at`` leads to these alone.
    """
    is_late = QueuedJob.forget_at > now() + KEEP_DONE
    few = select(QueuedJob.id).where(is_late, QueuedJob.status == "failed").limit(MOST_COUNTED)
    return session.scalar(select(func.count()).select_from(few.subquery())) or 0
