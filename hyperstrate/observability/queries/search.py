"""Pages by what no index knows: a stretch of the log at a time, so that each page is quick."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from hyperstrate.observability.models import InferenceLog
from hyperstrate.observability.queries import listing
from hyperstrate.observability.queries.listing import (
    EVERYTHING,
    Cursor,
    Filters,
    LogPage,
    Neighbours,
    log,
    logs,
    page_query,
)
from hyperstrate.shared.db import session

STRETCH = 20_000


@dataclass(frozen=True, slots=True)
class Found:
    """``edge``: where the search stopped before the page was full; its cursors go on from there."""

    page: LogPage
    edge: datetime | None = None


def search(
    org_id: str,
    *,
    filters: Filters = EVERYTHING,
    before: Cursor | None = None,
    after: Cursor | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Found:
    """As ``logs``, but reads no more than STRETCH logs."""
    edge = _edge(org_id, filters, before, after)
    if edge is None:
        return Found(
            logs(org_id, filters=filters, before=before, after=after, limit=limit, offset=offset)
        )
    bounded = replace(filters, until=edge) if after else replace(filters, since=edge)
    page = logs(org_id, filters=bounded, before=before, after=after, limit=limit, offset=offset)
    here = str(Cursor(edge, ""))
    if after:
        return Found(page) if page.newer else Found(replace(page, newer=here), edge)
    newer = page.newer or (str(before) if before else "")
    return Found(page) if page.older else Found(LogPage(page.items, here, newer), edge)


def count_up_to(org_id: str, most: int, *, filters: Filters = EVERYTHING) -> int:
    """How many logs of the newest stretch there are, but no more than ``most``."""
    edge = _edge(org_id, filters, None, None)
    bounded = filters if edge is None else replace(filters, since=edge)
    return listing.count_up_to(org_id, most, filters=bounded)


def neighbours(org_id: str, log_id: str, *, filters: Filters = EVERYTHING) -> Neighbours:
    """The logs just newer and older than this one, if they are near. Raises NotFound."""
    here = Cursor.of(log(org_id, log_id))
    newer = search(org_id, filters=filters, after=here, limit=1).page.items
    older = search(org_id, filters=filters, before=here, limit=1).page.items
    return Neighbours(newer[0].id if newer else "", older[0].id if older else "")


def _edge(
    org_id: str, filters: Filters, before: Cursor | None, after: Cursor | None
) -> datetime | None:
    """The time of the log at the end of the stretch; None where all of it can be read."""
    indexed = _indexed(filters)
    if indexed == filters:
        return None
    stretch = page_query(org_id, indexed, before=before, after=after)
    return session.scalar(
        stretch.with_only_columns(InferenceLog.created_at).offset(STRETCH).limit(1)
    )


def _indexed(filters: Filters) -> Filters:
    """What of the filters an index finds: a time, and one more."""
    within = Filters(since=filters.since, until=filters.until)
    if filters.status == "error" or filters.text:
        return replace(within, status="error")
    if filters.router_id:
        return replace(within, router_id=filters.router_id)
    return replace(within, api_key_id=filters.api_key_id)
