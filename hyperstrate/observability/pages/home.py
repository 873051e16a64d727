"""Home: the last seven days, and until all is set up what to do next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, current_app, make_response, redirect, request

from hyperstrate.config import Config
from hyperstrate.observability import queries
from hyperstrate.observability.api.common import named, observability
from hyperstrate.observability.pages import figures
from hyperstrate.shared.db import now
from hyperstrate.shared.guards import caller, require_admin, require_session
from hyperstrate.shared.navigation import HOME
from hyperstrate.shared.web import page

DAYS = 7
NEWEST = 8
MOST_MODELS = 6
pages = Blueprint("home_pages", __name__)


@pages.get("/")
@require_session
def go_home() -> Response:
    """The address that people type."""
    return make_response(redirect(HOME))


@pages.get(HOME)
@require_admin
def show_home() -> Response:
    """The figures; before the first request how to make it."""
    org_id = caller().org_id
    newest = named(org_id, queries.logs(org_id, limit=NEWEST).items)
    context: dict[str, Any] = {
        "newest": newest,
        "beginnings": observability().ports.inventory.beginnings(org_id),
        "base_url": base_url(),
        "budgets": observability().ports.budgets.nearly_used(org_id),
    }
    if newest:
        context |= _week(org_id, now())
    return page("observability/home.html", **context)


@pages.get(f"{HOME}/first-call")
@require_admin
def await_first_call() -> Response:
    """Nothing, until the first request is in the log; then the page is loaded anew."""
    response = make_response("", 204)
    if queries.logs(caller().org_id, limit=1).items:
        response.headers["HX-Refresh"] = "true"
    return response


def _week(org_id: str, until: datetime) -> dict[str, Any]:
    since = until - timedelta(days=DAYS)
    overview = queries.overview(org_id, days=DAYS, until=until)
    hours = queries.usage(org_id, since, until, granularity="hour")
    models = [found for found in queries.by_model(org_id, since, until) if found.model_id]
    dearest = sorted(models, key=lambda model: (-model.cost_usd, -model.requests))
    return {
        "stats": figures.stats(overview),
        "has_requests": overview.current.requests > 0,
        "chart": figures.by_hour(hours, since, until),
        "models": named(org_id, dearest[:MOST_MODELS]),
        "cost_usd": overview.current.cost_usd,
    }


def base_url() -> str:
    """The address that clients use: the configured one, else the one of this request."""
    config: Config = current_app.extensions["hyperstrate"]
    return config.api_public_url or request.host_url.rstrip("/")
