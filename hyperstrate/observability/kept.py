"""What is kept, for how long, and how much of it there is, by what is cheap to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, true

from hyperstrate.config import Config
from hyperstrate.observability.models import (
    AuditChain,
    AuditLog,
    InferenceLog,
    InferencePayload,
    UsageHour,
    WebhookDelivery,
)
from hyperstrate.observability.retention import SUMS_DAYS
from hyperstrate.shared.db import session

LOG_VARIABLE, AUDIT_VARIABLE = "LOG_RETENTION_DAYS", "AUDIT_RETENTION_DAYS"


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of data. ``count`` and ``oldest`` are None where nobody knows, or nothing is.

    ``variable``: the environment variable that decides; empty where nothing does.
    """

    name: str
    label: str
    days: int
    variable: str
    count: int | None = None
    oldest: datetime | None = None

    @property
    def next_goes_at(self) -> datetime | None:
        """When the oldest is old enough to be purged; purged is every hour."""
        return self.oldest + timedelta(days=self.days) if self.oldest else None


def of_organization(org_id: str, config: Config) -> Sequence[Kept]:
    """What is kept of one organization."""
    logs, audit = InferenceLog.org_id == org_id, AuditLog.org_id == org_id
    return (
        _logs(config, _requests(UsageHour.org_id == org_id), _oldest(InferenceLog, logs)),
        Kept("payloads", "Requests and answers", config.log_retention_days, LOG_VARIABLE),
        _audit(config, AuditChain.org_id == org_id, _oldest(AuditLog, audit)),
        _sums(config),
    )


def of_installation(config: Config) -> Sequence[Kept]:
    """What is kept of all organizations together."""
    days = config.log_retention_days
    payloads, deliveries = _oldest(InferencePayload), _oldest(WebhookDelivery)
    return (
        _logs(config, _requests(true()), _oldest(InferenceLog)),
        Kept("payloads", "Requests and answers", days, LOG_VARIABLE, oldest=payloads),
        Kept("deliveries", "Webhook deliveries", days, LOG_VARIABLE, oldest=deliveries),
        _audit(config, true(), None),
        _sums(config),
    )


def _logs(config: Config, count: int, oldest: datetime | None) -> Kept:
    """Before the oldest log nothing is counted: the sums are kept for longer."""
    return Kept("logs", "Logs", config.log_retention_days, LOG_VARIABLE, count, oldest)


def _audit(config: Config, which: ColumnElement[bool], oldest: datetime | None) -> Kept:
    """The numbers of a chain have no gaps, so its ends say how long it is."""
    length = func.coalesce(func.sum(AuditChain.seq - AuditChain.purged_seq), 0)
    count = int(session.scalar(select(length).where(which)) or 0)
    return Kept("audit", "Audit", config.audit_retention_days, AUDIT_VARIABLE, count, oldest)


def _sums(config: Config) -> Kept:
    days = max(SUMS_DAYS, config.log_retention_days)
    return Kept("sums", "Hourly sums of the log", days, "")


def _requests(which: ColumnElement[bool]) -> int:
    """By the hourly sums, since the first hour that has logs; logs go by whole hours."""
    first = session.scalar(select(func.min(InferenceLog.created_at)))
    if first is None:
        return 0
    since = first.replace(minute=0, second=0, microsecond=0)
    total = select(func.coalesce(func.sum(UsageHour.requests), 0))
    own = (UsageHour.scope == "all", UsageHour.hour >= since, which)
    return int(session.scalar(total.where(*own)) or 0)


def _oldest(table: Any, which: ColumnElement[bool] | None = None) -> datetime | None:
    query = select(func.min(table.created_at))
    found: datetime | None = session.scalar(query if which is None else query.where(which))
    return found
