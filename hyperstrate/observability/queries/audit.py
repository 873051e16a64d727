"""The audit: its list, newest first, and the filtered set as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, func, or_, select

from hyperstrate.observability.models import AuditLog
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.sheets import csv_text, harmless

MOST_COUNTED = 10_000
MAX_LIMIT = 1000
BATCH = 1000
COLUMNS = {
    "seq": "seq",
    "createdAt": "created_at",
    "orgId": "org_id",
    "actorKind": "actor_kind",
    "userId": "user_id",
    "userEmail": "user_email",
    "action": "action",
    "resource": "resource",
    "resourceId": "resource_id",
    "outcome": "outcome",
    "details": "details",
    "ipAddress": "ip_address",
    "userAgent": "user_agent",
    "requestId": "request_id",
    "id": "id",
    "prevHash": "prev_hash",
    "hash": "hash",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is left out is not filtered. ``actor``: an id, or a part of an e-mail or name.

    ``since`` is in, ``until`` is not.
    """

    actor: str = ""
    action: str = ""
    resource: str = ""
    resource_id: str = ""
    outcome: str = ""
    address: str = ""
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Listing:
    """Newest first. ``older`` and ``newer``: where the pages beside begin, 0 at the ends."""

    items: Sequence[AuditLog]
    older: int = 0
    newer: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A column before and after; None where it was not there."""

    name: str
    before: Any
    after: Any


def find(org_id: str, *, filters: Filters = EVERYTHING, limit: int, offset: int) -> list[AuditLog]:
    """Rows of one chain, newest first; an empty ``org_id`` is the installation's."""
    query = select(AuditLog).where(*_conditions(org_id, filters)).order_by(AuditLog.seq.desc())
    return list(session.scalars(query.limit(limit).offset(offset)))


def count(org_id: str, *, filters: Filters = EVERYTHING) -> int:
    """How many rows there are."""
    counted = select(func.count()).select_from(AuditLog).where(*_conditions(org_id, filters))
    return session.scalar(counted) or 0


def page(
    org_id: str, *, filters: Filters = EVERYTHING, before: int = 0, after: int = 0, limit: int = 50
) -> Listing:
    """The rows older than ``before``, or those right after ``after``, else the newest."""
    query = select(AuditLog).where(*_conditions(org_id, filters)).limit(limit + 1)
    if after:
        query = query.where(AuditLog.seq > after).order_by(AuditLog.seq)
    else:
        query = query.order_by(AuditLog.seq.desc())
    if before:
        query = query.where(AuditLog.seq < before)
    found = list(session.scalars(query))
    has_more, items = len(found) > limit, found[:limit]
    items = items[::-1] if after else items
    if not items:
        return Listing([])
    has_older, has_newer = bool(after) or has_more, has_more if after else bool(before)
    return Listing(
        items, older=items[-1].seq if has_older else 0, newer=items[0].seq if has_newer else 0
    )


def get(org_id: str, entry_id: str) -> AuditLog:
    """One row. Raises NotFound."""
    own = AuditLog.org_id == org_id, AuditLog.id == entry_id
    found = session.scalar(select(AuditLog).where(*own))
    if found is None:
        raise NotFound("audit entry not found")
    return found


def values(org_id: str) -> tuple[list[str], list[str]]:
    """The actions and the kinds of objects that stand in a chain, for the filters."""
    newest = (
        select(AuditLog.action, AuditLog.resource)
        .where(AuditLog.org_id == org_id)
        .order_by(AuditLog.seq.desc())
        .limit(MOST_COUNTED)
        .subquery()
    )
    pairs = session.execute(select(newest.c.action, newest.c.resource).distinct()).all()
    return sorted({pair[0] for pair in pairs}), sorted({pair[1] for pair in pairs if pair[1]})


def details(entry: AuditLog) -> dict[str, Any]:
    """What the row says beside its columns."""
    found: dict[str, Any] = orjson.loads(entry.details or "{}")
    return found


def differences(entry: AuditLog) -> list[Difference]:
    """The columns that a write touched, with their values before and after."""
    told = details(entry)
    before, after = told.get("before") or {}, told.get("after") or {}
    names = sorted({**before, **after})
    return [Difference(name, before.get(name), after.get(name)) for name in names]


def csv_lines(org_id: str, *, filters: Filters = EVERYTHING) -> Iterator[str]:
    """The header, then all rows of the filter, newest first; some lines at a time."""
    yield csv_text([list(COLUMNS)])
    before = 0
    while True:
        found = page(org_id, filters=filters, before=before, limit=BATCH)
        yield csv_text([_row(entry) for entry in found.items])
        if not found.older:
            return
        before = found.older


def _row(entry: AuditLog) -> list[Any]:
    return [_cell(getattr(entry, name)) for name in COLUMNS.values()]


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return harmless(value) if isinstance(value, str) else value


def _conditions(org_id: str, filters: Filters) -> Iterator[ColumnElement[bool]]:
    yield AuditLog.org_id == org_id
    names = {"action": AuditLog.action, "resource": AuditLog.resource, "outcome": AuditLog.outcome}
    names |= {"resource_id": AuditLog.resource_id, "address": AuditLog.ip_address}
    for name, column in names.items():
        if wanted := getattr(filters, name):
            yield column == wanted
    if filters.actor:
        part = AuditLog.user_email.icontains(filters.actor, autoescape=True)
        yield or_(AuditLog.user_id == filters.actor, part)
    if filters.since:
        yield AuditLog.created_at >= filters.since
    if filters.until:
        yield AuditLog.created_at < filters.until
