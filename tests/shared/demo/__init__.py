"""An application with one page of every component, for tests and for looking at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from flask import Flask, Response, abort, flash, g, request
from flask_wtf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader
from marshmallow import Schema, fields, validate
from werkzeug.serving import make_server

from hyperstrate.shared import forms, navigation, web
from hyperstrate.shared.db import now
from hyperstrate.shared.errors import BadRequest, Conflict
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.pagination import Meta, Page
from hyperstrate.shared.settings import setting

ROOT = Path(__file__).resolve().parents[3]
ROUTERS = [
    ("support-chat", "weighted", 3, ["response_cache", "rate_limit"], 0.992, 412, "18.40"),
    ("batch-summaries", "failover", 4, ["retry", "fallback"], 0.981, 1204, "0.000123"),
    ("agents-prod", "latency_based", 2, ["content_filter"], 0.999, 688, "142.77"),
    ("a-name-that-is-much-longer-than-anybody-would-like", "random", 12, [], 0.871, 233, "6.61"),
]
STEPS = [
    ("rate_limit", "Rate limit", "passed", "", 0.02, 0.05, 0),
    ("cache", "Cache", "miss", "", 0.1, 1.4, 0),
    ("interceptor", "content_filter", "passed", "", 1.6, 0.4, 0),
    ("target_select", "weighted", "selected", "claude-sonnet-4-5", 2.1, 0.03, 0),
    ("inference", "Inference", "error", "overloaded (529)", 2.2, 240.0, 0),
    ("inference", "Inference", "success", "claude-sonnet-4-5 · 812↑ 96↓ tok", 350.0, 930.0, 2),
]


@dataclass(frozen=True)
class Settings:
    """A stage's Config with a field of each kind."""

    max_retries: int = setting(3, min=0, max=10, help="Calls after the first one")
    share: float = setting(0.5, min=0, max=1, help="How much of it")
    action: Literal["mask", "block"] = setting("mask", help="What to do with what was found")
    is_strict: bool = setting(True, help="Refuse when in doubt")
    note: str = setting("", max_length=200)
    words: list[str] = setting(["one", "two"], help="One per line")
    extra: dict[str, Any] = setting({"a": 1}, help="A JSON object")


class RouterSchema(Schema):
    """A form with what goes wrong in forms."""

    name = fields.String(required=True, validate=validate.Length(min=2, max=40))
    email = fields.Email()
    weight = fields.Integer(validate=validate.Range(min=1))
    isActive = fields.Boolean()
    tags = fields.List(fields.String(validate=validate.Length(max=5)))
    note = fields.String()


def make_app() -> Flask:
    """The application; every visitor is signed in as Ada."""
    app = Flask("demo", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(ROOT / "templates"), FileSystemLoader(Path(__file__).parent)]
    )
    app.config.update(SECRET_KEY="demo", TESTING=False)
    CSRFProtect(app)
    web.init(app)
    app.before_request(_sign_in)
    app.context_processor(lambda: {"org_name": "Analytical Engines"})
    app.add_url_rule("/swagger/doc.json", "api-docs.openapi_json", document)
    app.add_url_rule("/app", "demo.home", home)
    app.add_url_rule("/app/routers", "demo.routers", home)
    app.add_url_rule("/app/panel", "demo.panel", panel)
    app.add_url_rule("/app/edit", "demo.edit", edit, methods=["GET", "POST"])
    app.add_url_rule("/app/gone", "demo.gone", gone, methods=["GET", "POST"])
    app.add_url_rule("/app/refused", "demo.refused", refused)
    app.add_url_rule("/app/broken", "demo.broken", broken)
    navigation.add_nav("Home", "demo.home", "house", 10)
    navigation.add_nav("Routers", "demo.routers", "waypoints", 20)
    return app


def _sign_in() -> None:
    if "anonymous" not in request.args:
        g.caller = Caller("org_1", "session", email="ada@example.org", role="admin")


def home() -> Response:
    if "flash" in request.args:
        flash("The router was saved")
    number = request.args.get("page", 1, int)
    rows = Page(ROUTERS, Meta(total=1204, count=4, perPage=4, pages=301, page=number))
    hours = range(24)
    data = {
        "x": [1_795_000_000 + 3600 * hour for hour in hours],
        "series": [
            {"label": "Requests", "values": [(hour * 37) % 90 * 10 for hour in hours], "unit": ""},
            {"label": "Latency", "values": [(hour * 53) % 70 * 40 for hour in hours], "unit": "ms"},
        ],
    }
    names = ("kind", "name", "outcome", "detail", "offsetMs", "durationMs", "attempts")
    return web.page(
        "demo.html",
        block="list",
        rows=rows,
        chart=data,
        sort=request.args.get("sort", ""),
        steps=[dict(zip(names, step, strict=True)) for step in STEPS],
        stage=forms.fields(Settings, {"max_retries": 5}),
        stage_errors={"share": ["must be at most 1"]},
        some_time=now() - timedelta(minutes=3),
    )


def document() -> dict[str, Any]:
    answer = {"200": {"description": "the routers"}}
    paths = {"/router": {"get": {"summary": "The routers", "responses": answer}}}
    return {"openapi": "3.1.0", "info": {"title": "Demo", "version": "1"}, "paths": paths}


def panel() -> Response:
    return web.page("panel.html", block="panel", name=request.args.get("name", "support-chat"))


def edit() -> Response:
    values, errors = web.submitted(RouterSchema) if request.method == "POST" else ({}, {})
    if values.get("name") == "taken":
        errors = web.form_errors(Conflict("that name is taken"))
    if request.method == "POST" and not errors:
        return web.go("/app", "Saved")
    return web.page(
        "edit.html", block="form", status=422 if errors else 200, values=values, errors=errors
    )


def gone() -> Response:
    return web.go("/app?from=gone", "It is gone")


def refused() -> Response:
    if "fields" in request.args:
        raise BadRequest("validation failed", fields={"name": ["too short"]})
    abort(403)


def broken() -> Response:
    raise RuntimeError("a fault of the demonstration")


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of ``app`` on a loopback port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
