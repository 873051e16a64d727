"""Observability: what happened, kept once each, and shown."""

from __future__ import annotations

from flask import Flask

from hyperstrate.events import routed_inference
from hyperstrate.observability import api as rest
from hyperstrate.observability import delivery, metrics, pages, recorder
from hyperstrate.observability.api.common import EXTENSION, Observability
from hyperstrate.observability.health import Health
from hyperstrate.observability.ports import (
    Beginnings,
    Endpoint,
    Inventory,
    ModelRef,
    Names,
    Ports,
    Webhooks,
)
from hyperstrate.shared import webhook
from hyperstrate.shared.spool import Spool
from hyperstrate.shared.web import Api, add_nav

__all__ = [
    "Beginnings",
    "Endpoint",
    "Inventory",
    "ModelRef",
    "Names",
    "Ports",
    "Webhooks",
    "register",
]


def register(app: Flask, api: Api, ports: Ports, *, spool: Spool) -> None:
    """Bring logs, figures and probes into the application. Raises SpoolError."""
    spool.check()
    recorder.configure(spool)
    delivery.configure(ports.webhooks, ports.rules)
    app.extensions[EXTENSION] = Observability(ports, spool, Health(spool, ports.redis_problem))
    for blueprint in rest.BLUEPRINTS:
        app.extensions["csrf"].exempt(blueprint)
        api.register_blueprint(blueprint)
    for page in pages.BLUEPRINTS:
        app.register_blueprint(page)
    add_nav("Home", "home_pages.show_home", "house", 10)
    add_nav("Logs", "log_pages.list_logs", "scroll-text", 50)
    routed_inference.connect(recorder.record_inference)
    routed_inference.connect(metrics.count_inference)
    webhook.occurred.connect(delivery.queue_if_listening)
