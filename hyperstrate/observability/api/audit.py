"""REST: what was done and refused, and whether the record of it is whole."""

from __future__ import annotations

from typing import Any

from flask import Response, stream_with_context
from flask_smorest import Blueprint

from hyperstrate.observability import audit_chain
from hyperstrate.observability.api.periods import bounds
from hyperstrate.observability.queries import audit as entries
from hyperstrate.observability.schemas_audit import (
    AuditArgs,
    AuditFilterArgs,
    AuditListSchema,
    AuditVerdictSchema,
    ScopeArgs,
)
from hyperstrate.shared import audit
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import Forbidden
from hyperstrate.shared.guards import caller, require_admin

MOST, USUAL = 200, 50
blueprint = Blueprint(
    "audit", __name__, url_prefix="/analytics/audit", description="What was done, and by whom"
)


@blueprint.get("")
@require_admin
@blueprint.arguments(AuditArgs, location="query")
@blueprint.response(200, AuditListSchema)
def find(args: dict[str, Any]) -> Any:
    """What was done and refused, newest first."""
    limit, offset = args.pop("limit"), min(max(args.pop("offset"), 0), 2**31)
    org_id, filters = chain_of(args.pop("scope")), filters_of(args)
    found = entries.find(
        org_id, filters=filters, limit=limit if 0 < limit <= MOST else USUAL, offset=offset
    )
    return {"data": found, "total": entries.count(org_id, filters=filters)}


@blueprint.get("/export")
@require_admin
@blueprint.arguments(AuditFilterArgs, location="query")
@blueprint.alt_response(200, schema=None, content_type="text/csv")
def export(args: dict[str, Any]) -> Response:
    """All entries of the filter, as CSV. The export is an entry itself."""
    return exported(chain_of(args.pop("scope")), filters_of(args))


@blueprint.get("/verify")
@require_admin
@blueprint.arguments(ScopeArgs, location="query")
@blueprint.response(200, AuditVerdictSchema)
def verify(args: dict[str, Any]) -> Any:
    """Walk the chain: whether every entry is there, as it was written, and in its place."""
    return audit_chain.verify(chain_of(args["scope"]))


def chain_of(scope: str | None) -> str:
    """The chain that ``scope`` means to the caller. Raises Forbidden."""
    if scope != "installation":
        return caller().org_id
    if not caller().is_platform_admin:
        raise Forbidden("only a platform admin may see what concerns the whole installation")
    return ""


def filters_of(args: dict[str, Any]) -> entries.Filters:
    """The filters of a query string. Raises BadRequest."""
    since, until = bounds(args)
    return entries.Filters(since=since, until=until, **args)


def exported(org_id: str, filters: entries.Filters) -> Response:
    """The entries of a chain as a file."""
    with unit_of_work():
        audit.log("export", org_id=org_id, object_type="audit")
    lines = entries.csv_lines(org_id, filters=filters)
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response
