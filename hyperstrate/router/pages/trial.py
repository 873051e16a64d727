"""The Test tab: one real request through the router, and the code that makes it elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from flask import Blueprint, Response, current_app, request, stream_with_context
from markupsafe import Markup

from hyperstrate.router import road, routers
from hyperstrate.router.pages.forms import TrialForm
from hyperstrate.router.trial import Outcome, Question, Trial
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import is_htmx, page, render_block, submitted

pages = Blueprint("router_trial", __name__, url_prefix="/app/routers/<router_id>")
TEMPLATE = "router/test.html"


@pages.get("/test")
@require_admin
def show(router_id: str) -> Response:
    """The form to try a router with, and the code to call it."""
    return _page(router_id, {"stream": True}, {}, None)


@pages.post("/test")
@require_admin
def ask(router_id: str) -> Response:
    """Send the request as the signed-in person. A browser that can gets the words as they come."""
    routers.get(caller().org_id, router_id)
    values, errors = submitted(TrialForm)
    if errors:
        return _page(router_id, values, errors, None)
    question = Question(**values)
    if question.is_stream and _takes_events():
        return _streamed(router_id, question)
    trial = _begin(router_id, question)
    with closing(trial):
        for _ in trial:
            continue
    return _page(router_id, request.form, {}, trial.outcome())


def _takes_events() -> bool:
    return is_htmx() and "text/event-stream" in request.headers.get("Accept", "")


def _streamed(router_id: str, question: Question) -> Response:
    def events() -> Iterator[str]:
        context = _context(router_id, request.form, {}, None)
        started = render_block(TEMPLATE, "answer", {**context, "is_running": True})
        yield _swap("#answer", "outerHTML", started)
        trial = _begin(router_id, question)
        with closing(trial):
            for words in trial:
                yield _swap("#words", "beforeend", Markup("<span>{}</span>").format(words))
        ended = render_block(TEMPLATE, "answer", {**context, "outcome": trial.outcome()})
        yield _swap("#answer", "outerHTML", ended)

    headers = {"X-Accel-Buffering": "no"}
    return Response(stream_with_context(events()), 200, headers, mimetype="text/event-stream")


def _swap(target: str, how: str, html: str) -> str:
    """An event by which HTMX swaps ``html`` in. Line feeds stand on lines of their own."""
    whole = f'<hx-partial hx-target="{target}" hx-swap="{how}">{html}</hx-partial>'
    lines = whole.replace("\r", "").split("\n")
    return "".join(f"data: {line}\n" for line in lines) + "\n"


def _begin(router_id: str, question: Question) -> Trial:
    return Trial(current_app.extensions["proxy"], caller(), router_id, question)


def _page(
    router_id: str, values: Any, errors: dict[str, list[str]], outcome: Outcome | None
) -> Response:
    context = _context(router_id, values, errors, outcome)
    return page(TEMPLATE, block="test", status=422 if errors else 200, **context)


def _context(
    router_id: str, values: Any, errors: dict[str, list[str]], outcome: Outcome | None
) -> dict[str, Any]:
    router = routers.get(caller().org_id, router_id)
    return {
        "router": router,
        "tab": "test",
        "values": values,
        "errors": errors,
        "outcome": outcome,
        "targets": {target.row.id: target.model.name for target in road.targets(router)},
        "has_cache": any(row.feature_type.endswith("_cache") for row in router.features),
        "base_url": f"{_public_url()}/router/{router.id}",
    }


def _public_url() -> str:
    public: str = current_app.extensions["hyperstrate"].api_public_url
    return public or request.host_url.rstrip("/")
