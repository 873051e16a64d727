"""Probes and metrics answer everybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from hyperstrate.observability.health import Health
from hyperstrate.shared.spool import Spool

ClientAs = Callable[[str | None], FlaskClient]


def test_the_process_says_that_it_lives(client_as: ClientAs) -> None:
    answer = client_as(None).get("/healthz")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_readiness_names_its_parts(client_as: ClientAs) -> None:
    answer = client_as(None).get("/readyz")

    fine = {"status": "ok", "problem": ""}
    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "ok",
        "parts": {"database": fine, "spool": fine, "redis": fine},
        "backlogBytes": 0,
    }


def test_what_cannot_work_is_a_503(app: Flask, client_as: ClientAs, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    health = Health(Spool(tmp_path / "file" / "spool"), lambda: "")
    known = app.extensions["observability"]
    app.extensions["observability"] = type(known)(known.ports, known.spool, health)

    answer = client_as(None).get("/readyz")

    assert (answer.status_code, answer.get_json()["status"]) == (503, "unavailable")


def test_metrics_are_prometheus_text(client_as: ClientAs) -> None:
    answer = client_as(None).get("/metrics")

    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert {"router_requests", "spool_backlog_bytes", "store_degraded"} <= names
