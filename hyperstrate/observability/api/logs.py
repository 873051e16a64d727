"""REST: the finished requests."""

from __future__ import annotations

from typing import Any

from flask import Response, stream_with_context
from flask_smorest import Blueprint

from hyperstrate.observability import feedback, queries
from hyperstrate.observability.api.common import named
from hyperstrate.observability.api.periods import bounds
from hyperstrate.observability.queries import search
from hyperstrate.observability.schemas import (
    FeedbackBody,
    FilterArgs,
    LogArgs,
    LogPageSchema,
    LogSchema,
    PayloadSchema,
)
from hyperstrate.shared import audit
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.pagination import MAX_PER_PAGE, Meta

COUNTED = 10_000
blueprint = Blueprint(
    "inference_logs",
    __name__,
    url_prefix="/analytics/inference-logs",
    description="Finished requests",
)


@blueprint.get("")
@require_admin
@blueprint.arguments(LogArgs, location="query")
@blueprint.response(200, LogPageSchema)
def find(args: dict[str, Any]) -> Any:
    """Logs, newest first: by page among the newest 10000, or on and on by cursor.

    A time is found at once, and so is one of: failures, a router, a key. Other filters look
    through 20000 of those logs at a time: a page may then be short or even empty, and ``total`` is
    of the newest 20000. ``nextCursor`` goes on from there; it is empty at the end of the log.
    """
    org_id = caller().org_id
    page = max(args.pop("page"), 1)
    per_page = min(max(args.pop("per_page"), 1), MAX_PER_PAGE)
    cursor = args.pop("cursor")
    if not cursor and page * per_page > COUNTED + per_page:
        raise BadRequest("only the newest 10000 logs have pages; use cursor to go on")
    filters = _filters(args)
    found = search.search(
        org_id,
        filters=filters,
        before=queries.Cursor.read(cursor) if cursor else None,
        limit=per_page,
        offset=0 if cursor else (page - 1) * per_page,
    ).page
    total = search.count_up_to(org_id, COUNTED, filters=filters)
    pages = max(1, -(-total // per_page))
    return {
        "items": named(org_id, found.items),
        "meta": Meta(total, len(found.items), per_page, pages, page),
        "next_cursor": found.older,
    }


@blueprint.get("/export")
@require_admin
@blueprint.arguments(FilterArgs, location="query")
@blueprint.alt_response(200, schema=None, content_type="text/csv")
def export(args: dict[str, Any]) -> Response:
    """All logs of the filter, as CSV."""
    filters = _filters(args)
    with unit_of_work():
        audit.log("export", object_type="logs")
    lines = queries.csv_lines(caller().org_id, filters=filters)
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="inference-logs.csv"'
    return response


@blueprint.get("/<log_id>")
@require_admin
@blueprint.response(200, LogSchema)
def get(log_id: str) -> Any:
    """One log, with its steps and attempts."""
    return named(caller().org_id, [queries.log(caller().org_id, _path_id(log_id))])[0]


@blueprint.get("/<log_id>/payload")
@require_admin
@blueprint.response(200, PayloadSchema)
def payload(log_id: str) -> Any:
    """What was asked and answered, where the router stores it."""
    return queries.payload(caller().org_id, _path_id(log_id))


@blueprint.patch("/<log_id>/feedback")
@require_admin
@blueprint.arguments(FeedbackBody)
@blueprint.response(204)
def give_feedback(body: dict[str, Any], log_id: str) -> None:
    """Say what the answer was worth."""
    with unit_of_work():
        feedback.give(caller().org_id, _path_id(log_id), body["feedback"])


def _filters(args: dict[str, Any]) -> queries.Filters:
    since, until = bounds(args)
    is_cache_hit = args.pop("cache_hit")
    return queries.Filters(since=since, until=until, is_cache_hit=is_cache_hit, **args)


def _path_id(text: str) -> str:
    if len(text) > 100 or "\x00" in text:
        raise BadRequest("invalid id")
    return text
