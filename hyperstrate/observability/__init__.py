"""Observability: what happened, kept once each, and shown."""

from __future__ import annotations

from flask import Flask, Response

from hyperstrate.events import caller_refused, routed_inference
from hyperstrate.observability import api as rest
from hyperstrate.observability import audit, delivery, metrics, pages, recorder
from hyperstrate.observability.api.common import EXTENSION, Observability
from hyperstrate.observability.health import Health
from hyperstrate.observability.ports import (
    Beginnings,
    Endpoint,
    Inventory,
    Ledger,
    ModelRef,
    Names,
    Ports,
    Webhooks,
)
from hyperstrate.shared import audit as shared_audit
from hyperstrate.shared import audit_watch, guards, webhook
from hyperstrate.shared.navigation import add_nav
from hyperstrate.shared.spool import Spool
from hyperstrate.shared.web import Api

__all__ = [
    "Beginnings",
    "Endpoint",
    "Inventory",
    "Ledger",
    "ModelRef",
    "Names",
    "Ports",
    "Webhooks",
    "record",
    "register",
]


def register(app: Flask, api: Api, ports: Ports, *, spool: Spool) -> None:
    """Bring logs, figures and probes into the application. Raises SpoolError."""
    record(app, ports, spool=spool)
    app.extensions[EXTENSION] = Observability(ports, spool, Health(spool, ports.redis_problem))
    for blueprint in rest.BLUEPRINTS:
        app.extensions["csrf"].exempt(blueprint)
        api.register_blueprint(blueprint)
    for page in pages.BLUEPRINTS:
        app.register_blueprint(page)
    add_nav("Home", "home_pages.show_home", "house", 10)
    add_nav("Logs", "log_pages.list_logs", "scroll-text", 50)
    add_nav("Audit", "audit_pages.list_entries", "shield", 95)
    add_nav("Settings", "settings_pages.show_clients", "settings", 100, is_for_all=True)
    app.after_request(_note_refusal)
    app.teardown_request(_settle_audit)
    routed_inference.connect(recorder.record_inference)
    routed_inference.connect(metrics.count_inference)
    caller_refused.connect(metrics.count_refusal)


def record(app: Flask, ports: Ports, *, spool: Spool) -> None:
    """Keep logs, audit and deliveries; all that the recorder's process needs. Raises SpoolError."""
    spool.check()
    recorder.configure(spool, ports.ledger)
    delivery.configure(ports.webhooks, ports.rules)
    app.teardown_appcontext(_settle_audit)
    shared_audit.ask_who(guards.acting)
    shared_audit.connect(audit.write)
    audit_watch.watch()
    webhook.occurred.connect(delivery.queue_if_listening)


def _note_refusal(response: Response) -> Response:
    guards.note_refusal(response.status_code)
    return response


def _settle_audit(_error: BaseException | None) -> None:
    audit.settle()
