"""REST: the log in numbers."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.observability import queries
from hyperstrate.observability.api.common import named
from hyperstrate.observability.api.periods import period
from hyperstrate.observability.latencies import ERROR_PERCENT
from hyperstrate.observability.schemas import (
    CacheUsageSchema,
    LimitArgs,
    LogListSchema,
    ModelLatencySchema,
    ModelUsageSchema,
    PeriodArgs,
    RouterUsageSchema,
    UsageArgs,
    UsageBucketSchema,
    data_of,
)
from hyperstrate.shared.guards import caller, require_admin

MOST_ERRORS, USUAL_ERRORS = 500, 50
blueprint = Blueprint(
    "analytics",
    __name__,
    url_prefix="/analytics",
    description=(
        "Usage, latency, errors, caches. Days, and the whole hours of UTC that they consist of; "
        "the present hour is included. Sums are exact, percentiles less than "
        f"{ERROR_PERCENT} percent off."
    ),
)


@blueprint.get("/usage")
@require_admin
@blueprint.arguments(UsageArgs, location="query")
@blueprint.response(200, data_of(UsageBucketSchema))
def usage(args: dict[str, Any]) -> Any:
    """Requests, tokens and cost by hour, day or month."""
    since, until = period(args)
    return {"data": queries.usage(caller().org_id, since, until, **args)}


@blueprint.get("/models")
@require_admin
@blueprint.arguments(PeriodArgs, location="query")
@blueprint.response(200, data_of(ModelUsageSchema))
def models(args: dict[str, Any]) -> Any:
    """Usage by model, most requests first."""
    org_id = caller().org_id
    return {"data": named(org_id, queries.by_model(org_id, *period(args)))}


@blueprint.get("/routers")
@require_admin
@blueprint.arguments(PeriodArgs, location="query")
@blueprint.response(200, data_of(RouterUsageSchema))
def routers(args: dict[str, Any]) -> Any:
    """Usage by router, most requests first."""
    org_id = caller().org_id
    return {"data": named(org_id, queries.by_router(org_id, *period(args)).values())}


@blueprint.get("/errors")
@require_admin
@blueprint.arguments(LimitArgs, location="query")
@blueprint.response(200, LogListSchema)
def errors(args: dict[str, Any]) -> Any:
    """The newest failures."""
    limit = args["limit"] if 0 < args["limit"] <= MOST_ERRORS else USUAL_ERRORS
    failed = queries.Filters(status="error")
    page = queries.logs(caller().org_id, filters=failed, limit=limit)
    return {"data": named(caller().org_id, page.items)}


@blueprint.get("/latency")
@require_admin
@blueprint.arguments(PeriodArgs, location="query")
@blueprint.response(200, data_of(ModelLatencySchema))
def latency(args: dict[str, Any]) -> Any:
    """Percentiles by model, of successful requests."""
    return {"data": queries.latency(caller().org_id, *period(args))}


@blueprint.get("/cache")
@require_admin
@blueprint.arguments(PeriodArgs, location="query")
@blueprint.response(200, CacheUsageSchema)
def cache(args: dict[str, Any]) -> Any:
    """How many requests a cache answered."""
    return queries.cache(caller().org_id, *period(args))
