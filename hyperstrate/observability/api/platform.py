"""For those who run this installation: is it alive, is it ready, what has it counted."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from hyperstrate.observability import metrics as counters
from hyperstrate.observability.api.common import observability
from hyperstrate.observability.schemas import HealthSchema, ReadinessSchema
from hyperstrate.shared.guards import public

blueprint = Blueprint("platform", __name__, description="Probes and metrics")


@blueprint.get("/healthz")
@public
@blueprint.response(200, HealthSchema)
def healthz() -> Any:
    """The process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@public
@blueprint.response(200, ReadinessSchema)
@blueprint.alt_response(503, schema=ReadinessSchema)
def readyz() -> Any:
    """Requests are answered, perhaps with a part missing; 503 when they are not."""
    readiness = observability().health.readiness()
    return readiness, 503 if readiness.status == "unavailable" else 200


@blueprint.get("/metrics")
@public
@blueprint.alt_response(200, schema=None, content_type="text/plain")
def metrics() -> Response:
    """Prometheus's text format."""
    found = observability()
    text = counters.render(found.spool.folder, found.ports.times_degraded)
    return Response(text, content_type=counters.CONTENT_TYPE)
