"""The log's lists: keyset pages, newest first, that stay quick at ten million rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, func, literal_column, select, tuple_

from hyperstrate.observability.models import InferenceLog, InferencePayload
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import BadRequest, NotFound

MAX_LIMIT = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the list: behind one log."""

    created_at: datetime
    log_id: str

    def __str__(self) -> str:
        return f"{(self.created_at - _EPOCH) // timedelta(microseconds=1)}.{self.log_id}"

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The inverse of str(). Raises BadRequest."""
        micros, _, log_id = text.replace("\x00", "").partition(".")
        try:
            return cls(_EPOCH + timedelta(microseconds=int(micros)), log_id)
        except (ValueError, OverflowError):
            raise BadRequest("invalid cursor") from None

    @classmethod
    def of(cls, log: InferenceLog) -> Cursor:
        return cls(log.created_at, log.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is left out is not filtered. ``since`` is in, ``until`` is not; ``text`` is looked for
    in the messages of failures."""

    router_id: str = ""
    model_id: str = ""
    api_key_id: str = ""
    virtual_key_id: str = ""
    team_id: str = ""
    status: str = ""
    source: str = ""
    is_cache_hit: bool | None = None
    min_cost_usd: Decimal | None = None
    min_latency_ms: int | None = None
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class LogPage:
    """Newest first. ``older`` and ``newer`` are cursors for the pages beside, empty at the ends."""

    items: Sequence[InferenceLog]
    older: str
    newer: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The ids of the logs beside one, inside the filtered set; empty at the ends."""

    newer: str
    older: str


def logs(
    org_id: str,
    *,
    filters: Filters = EVERYTHING,
    before: Cursor | None = None,
    after: Cursor | None = None,
    limit: int = 50,
    offset: int = 0,
) -> LogPage:
    """Logs older than ``before``, or the ones right after ``after``, else the newest."""
    limit = min(max(limit, 1), MAX_LIMIT)
    query = page_query(org_id, filters, before=before, after=after)
    found = session.scalars(query.limit(limit + 1).offset(offset)).all()
    has_more = len(found) > limit
    items = found[:limit][::-1] if after else found[:limit]
    return _page(
        items,
        has_older=bool(after) or has_more,
        has_newer=has_more if after else bool(before or offset),
    )


def page_query(
    org_id: str, filters: Filters, *, before: Cursor | None = None, after: Cursor | None = None
) -> Select[InferenceLog]:
    """Newest first, but nearest first behind ``after``."""
    query = select(InferenceLog).where(InferenceLog.org_id == org_id, *_conditions(filters))
    place = tuple_(InferenceLog.created_at, InferenceLog.id)
    if after:
        query = query.where(place > (after.created_at, after.log_id))
        return query.order_by(InferenceLog.created_at, InferenceLog.id)
    if before:
        query = query.where(place < (before.created_at, before.log_id))
    return query.order_by(InferenceLog.created_at.desc(), InferenceLog.id.desc())


def _page(items: Sequence[InferenceLog], *, has_older: bool, has_newer: bool) -> LogPage:
    if not items:
        return LogPage(items, "", "")
    older = str(Cursor.of(items[-1])) if has_older else ""
    newer = str(Cursor.of(items[0])) if has_newer else ""
    return LogPage(items, older, newer)


def count_up_to(org_id: str, most: int, *, filters: Filters = EVERYTHING) -> int:
    """How many logs there are, but no more than ``most``: counting all would read them all."""
    wanted = InferenceLog.org_id == org_id, *_conditions(filters)
    some = select(InferenceLog.id).where(*wanted).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def log(org_id: str, log_id: str) -> InferenceLog:
    """One log. Raises NotFound."""
    found = session.scalar(
        select(InferenceLog).where(InferenceLog.org_id == org_id, InferenceLog.id == log_id)
    )
    if found is None:
        raise NotFound("log not found")
    return found


def costs(org_id: str, request_ids: Sequence[str]) -> dict[str, Decimal]:
    """What these requests cost, in USD, as far as the log has them."""
    rows = session.execute(
        select(InferenceLog.id, InferenceLog.cost_usd).where(
            InferenceLog.org_id == org_id, InferenceLog.id.in_(request_ids)
        )
    )
    return {row.id: row.cost_usd for row in rows}


def payload(org_id: str, log_id: str) -> InferencePayload:
    """What was asked and answered. Raises NotFound where that was not stored."""
    found = session.scalar(
        select(InferencePayload).where(
            InferencePayload.org_id == org_id, InferencePayload.log_id == log_id
        )
    )
    if found is None:
        raise NotFound("payload not found")
    return found


def neighbours(org_id: str, log_id: str, *, filters: Filters = EVERYTHING) -> Neighbours:
    """The logs just newer and older than this one. Raises NotFound."""
    here = Cursor.of(log(org_id, log_id))
    newer = logs(org_id, filters=filters, after=here, limit=1).items
    older = logs(org_id, filters=filters, before=here, limit=1).items
    return Neighbours(newer[0].id if newer else "", older[0].id if older else "")


def _conditions(filters: Filters) -> Iterator[ColumnElement[bool]]:
    for name in ("router_id", "model_id", "api_key_id", "virtual_key_id", "team_id", "status",
                 "source"):  # fmt: skip
        if wanted := getattr(filters, name):
            yield getattr(InferenceLog, name) == wanted
    if filters.text or filters.status == "error":
        yield is_failure()
    if filters.text:
        yield InferenceLog.error_message.icontains(filters.text, autoescape=True)
    if filters.is_cache_hit is not None:
        yield InferenceLog.cache_hit.is_(filters.is_cache_hit)
    yield from _limits(filters)


def _limits(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.min_cost_usd is not None:
        yield InferenceLog.cost_usd >= filters.min_cost_usd
    if filters.min_latency_ms is not None:
        yield InferenceLog.latency_ms >= filters.min_latency_ms
    if filters.since:
        yield InferenceLog.created_at >= filters.since
    if filters.until:
        yield InferenceLog.created_at < filters.until


def is_failure() -> ColumnElement[bool]:
    """Written as in the index of failures: SQLite uses a partial index only for its own words."""
    return InferenceLog.status == literal_column("'error'")
