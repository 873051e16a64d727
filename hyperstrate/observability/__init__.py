"""Observability: what happened, kept once each, and shown."""

from __future__ import annotations

from flask import Flask

from hyperstrate.events import routed_inference
from hyperstrate.observability import api as rest
from hyperstrate.observability import metrics, recorder
from hyperstrate.observability.api.common import EXTENSION, Observability
from hyperstrate.observability.health import Health
from hyperstrate.observability.ports import ModelRef, Names, Ports
from hyperstrate.shared.spool import Spool
from hyperstrate.shared.web import Api

__all__ = ["ModelRef", "Names", "Ports", "register"]


def register(app: Flask, api: Api, ports: Ports, *, spool: Spool) -> None:
    """Bring logs, figures and probes into the application. Raises SpoolError."""
    spool.check()
    recorder.configure(spool)
    app.extensions[EXTENSION] = Observability(ports, spool, Health(spool, ports.redis_problem))
    for blueprint in rest.BLUEPRINTS:
        app.extensions["csrf"].exempt(blueprint)
        api.register_blueprint(blueprint)
    routed_inference.connect(recorder.record_inference)
    routed_inference.connect(metrics.count_inference)
