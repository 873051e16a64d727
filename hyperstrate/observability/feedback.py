"""What people think of an answer."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import update

from hyperstrate.observability.models import InferenceLog
from hyperstrate.shared import audit
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import NotFound

Feedback = Literal[-1, 0, 1]


def give(org_id: str, log_id: str, feedback: Feedback) -> None:
    """Set the feedback on a log; 0 takes it back. Raises NotFound."""
    changed = session.execute(
        update(InferenceLog)
        .where(InferenceLog.org_id == org_id, InferenceLog.id == log_id)
        .values(feedback=feedback)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise NotFound("log not found")
    detail = {"feedback": feedback}
    audit.log("feedback", org_id=org_id, object_type="log", object_id=log_id, detail=detail)
