"""The pages of the audit: the list with its filters, one entry, the export, and the proof."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, request, url_for
from marshmallow import EXCLUDE, ValidationError, fields, validate

from hyperstrate.observability import audit_chain
from hyperstrate.observability.api.audit import chain_of, exported
from hyperstrate.observability.pages.filters import CUSTOM, RANGES, moment
from hyperstrate.observability.queries import audit as entries
from hyperstrate.observability.schemas_audit import OUTCOMES, AuditFilterArgs
from hyperstrate.shared.db import now
from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import go, is_htmx, page

PER_PAGE = 50
pages = Blueprint("audit_pages", __name__, url_prefix="/app/audit")


@pages.get("")
@require_admin
def list_entries() -> Response:
    """A page of the filtered entries, newest first."""
    if "" in request.args.values() and not is_htmx():
        return go(url_for("audit_pages.list_entries", **_args()))
    args, filters, errors = _asked()
    org_id = chain_of(args.get("scope"))
    found = entries.Listing([])
    if not errors:
        before, after = _place("before"), _place("after")
        found = entries.page(org_id, filters=filters, before=before, after=after, limit=PER_PAGE)
    actions, resources = entries.values(org_id)
    return page(
        "observability/audit.html",
        block="list",
        status=422 if errors else 200,
        found=found,
        args=args,
        scope=args.get("scope"),
        is_filtered=bool(args.keys() - {"scope"}),
        errors=errors,
        actions=_spoken(actions),
        resources=_spoken(resources),
        outcomes=_spoken(OUTCOMES),
        can_see_installation=caller().is_platform_admin,
    )


@pages.get("/export.csv")
@require_admin
def export_entries() -> Response:
    """All entries of the filter, as CSV."""
    args, filters, errors = _asked()
    if errors:
        raise BadRequest("validation failed", fields=errors)
    return exported(chain_of(args.get("scope")), filters)


@pages.get("/verify")
@require_admin
def verify_chain() -> Response:
    """Whether every entry is there, as it was written, and in its place."""
    scope = request.args.get("scope")
    verdict = audit_chain.verify(chain_of(scope))
    return page("observability/audit_verdict.html", block="verdict", verdict=verdict, scope=scope)


@pages.get("/<entry_id>")
@require_admin
def show_entry(entry_id: str) -> Response:
    """One entry: in the drawer, or as a page."""
    scope = request.args.get("scope")
    entry = entries.get(chain_of(scope), entry_id)
    return page(
        "observability/audit_entry.html",
        block="panel",
        entry=entry,
        details=entries.details(entry),
        differences=entries.differences(entry),
        scope=scope,
    )


def _spoken(words: Iterable[str]) -> list[tuple[str, str]]:
    return [(word, word.replace("_", " ").capitalize()) for word in words]


class AddressArgs(AuditFilterArgs):
    """Which entries: what the API's export takes, and a range of time that moves along."""

    range = fields.String(
        load_default="", validate=validate.OneOf((*RANGES, CUSTOM), error="is not a choice")
    )


def _args() -> dict[str, Any]:
    """The filters of the address, without the empty ones."""
    names = [field.data_key or name for name, field in AddressArgs().load_fields.items()]
    args = {name: text for name in names if (text := request.args.get(name, "").strip())}
    if args.get("range") in RANGES:
        args = {name: text for name, text in args.items() if name not in ("from", "to")}
    return args


def _asked() -> tuple[dict[str, Any], entries.Filters, dict[str, list[str]]]:
    """The filters as text and read, and what is wrong with them by field."""
    args = _args()
    try:
        values: dict[str, Any] = AddressArgs(unknown=EXCLUDE).load(args)
        span = RANGES.get(values.pop("range"))
        since = moment("from", values.pop("from_"))
        until = moment("to", values.pop("to"), is_end=True)
    except ValidationError as error:
        return args, entries.EVERYTHING, error.messages_dict
    del values["scope"]
    since = now() - span if span else since
    return args, entries.Filters(since=since, until=until, **values), {}


def _place(name: str) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
