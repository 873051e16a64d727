"""The pages of finished requests: the list with its filters, one of them, and the export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import orjson
from flask import Blueprint, Response, make_response, request, stream_with_context, url_for

from hyperstrate.observability import feedback, queries
from hyperstrate.observability.api.common import named, observability
from hyperstrate.observability.pages import filters
from hyperstrate.observability.pages.filters import Asked
from hyperstrate.observability.queries import search
from hyperstrate.shared import audit
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import BadRequest, NotFound
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import go, is_htmx, page

PER_PAGE = 50
SHOWN_CHARACTERS = 100_000
PLACE = ("before", "after", "live")
VERDICTS = {"-1": -1, "0": 0, "1": 1}
pages = Blueprint("log_pages", __name__, url_prefix="/app/logs")


@pages.get("")
@require_admin
def list_logs() -> Response:
    """A page of the filtered logs, newest first."""
    asked = filters.read(request.args)
    place = _place()
    address = url_for("log_pages.list_logs", **asked.args, **place)
    has_empty_fields = "" in request.args.values()
    if has_empty_fields and not is_htmx():
        return go(address)
    response = _list_page(asked, place)
    if has_empty_fields:
        response.headers["HX-Push-Url"] = address
    return response


@pages.get("/tail")
@require_admin
def show_tail() -> Response:
    """The newest page again, once there is something newer than ``after``; until then nothing."""
    asked = filters.read(request.args)
    after = _cursor({"after": request.args.get("after", "")}, "after")
    newer = queries.logs(caller().org_id, filters=asked.filters, after=after, limit=1)
    return _list_page(asked, {"live": "1"}) if newer.items else make_response("", 204)


@pages.get("/export.csv")
@require_admin
def export_logs() -> Response:
    """All logs of the filter, as CSV."""
    asked = filters.read(request.args)
    if asked.errors:
        raise BadRequest("validation failed", fields=asked.errors)
    with unit_of_work():
        audit.log("export", object_type="logs")
    lines = queries.csv_lines(caller().org_id, filters=asked.filters)
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="inference-logs.csv"'
    return response


@pages.get("/<log_id>")
@require_admin
def show_log(log_id: str) -> Response:
    """One request: in the drawer, or as a page."""
    return _log_page(log_id, block="panel")


@pages.post("/<log_id>/feedback")
@require_admin
def give_feedback(log_id: str) -> Response:
    """Say what the answer was worth."""
    verdict = VERDICTS.get(request.form.get("feedback", ""))
    if verdict is None:
        raise BadRequest("feedback must be -1, 0 or 1")
    with unit_of_work():
        feedback.give(caller().org_id, log_id, cast(feedback.Feedback, verdict))
    if is_htmx():
        return _log_page(log_id, block="verdict")
    args = filters.read(request.args).args
    return go(url_for("log_pages.show_log", log_id=log_id, **args), "Your feedback is saved.")


def _place() -> dict[str, Any]:
    """Which page of the list, and whether it is live."""
    return {name: text for name in PLACE if (text := request.args.get(name))}


def _list_page(asked: Asked, place: dict[str, Any]) -> Response:
    org_id = caller().org_id
    before, after = _cursor(place, "before"), _cursor(place, "after")
    found = search.Found(queries.LogPage([], "", ""))
    if not asked.errors:
        found = search.search(
            org_id, filters=asked.filters, before=before, after=after, limit=PER_PAGE
        )
    items = found.page.items
    inventory = observability().ports.inventory
    return page(
        "observability/logs.html",
        block="list",
        status=422 if asked.errors else 200,
        rows=named(org_id, items),
        found=found,
        newest=str(queries.Cursor.of(items[0])) if items else "",
        asked=asked,
        is_live="live" in place and not asked.errors,
        key_names=inventory.api_keys(org_id),
        people=_people(org_id, items),
        inventory=inventory,
        org_id=org_id,
    )


def _cursor(place: dict[str, Any], name: str) -> queries.Cursor | None:
    text = place.get(name, "")
    return queries.Cursor.read(text) if text else None


def _log_page(log_id: str, *, block: str) -> Response:
    org_id = caller().org_id
    asked = filters.read(request.args)
    found = named(org_id, [queries.log(org_id, log_id)])[0]
    beside = search.neighbours(org_id, log_id, filters=asked.filters)
    inventory = observability().ports.inventory
    return page(
        "observability/log.html",
        block=block,
        log=found,
        args=asked.args,
        newer=_address_of(beside.newer, asked.args),
        older=_address_of(beside.older, asked.args),
        key_name=inventory.api_keys(org_id).get(found.api_key_id, ""),
        person=_people(org_id, [found]).get(found.user_id, ""),
        model_names=inventory.models(org_id),
        payload=_payload(org_id, log_id),
    )


def _people(org_id: str, items: Iterable[Any]) -> Mapping[str, str]:
    """The names of those who called without a key."""
    ids = {item.user_id for item in items if item.user_id}
    return observability().ports.names.people(org_id, ids) if ids else {}


def _address_of(log_id: str, args: dict[str, Any]) -> str:
    return url_for("log_pages.show_log", log_id=log_id, **args) if log_id else ""


def _payload(org_id: str, log_id: str) -> dict[str, Any] | None:
    """What was asked and answered, as far as a page can show it; None where it is not stored."""
    try:
        stored = queries.payload(org_id, log_id)
    except NotFound:
        return None
    asked, answered = _pretty(stored.request_fields or ""), stored.response_content or ""
    return {
        "asked": asked[:SHOWN_CHARACTERS],
        "answered": answered[:SHOWN_CHARACTERS],
        "is_cut": max(len(asked), len(answered)) > SHOWN_CHARACTERS,
    }


def _pretty(json: str) -> str:
    """JSON with one member to a line; as it is when it is none."""
    try:
        return orjson.dumps(orjson.loads(json), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return json
