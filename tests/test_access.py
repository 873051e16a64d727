"""Every route has a guard, unless it is in the short public list."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.people import Client

PUBLIC = {
    "GET /app/login",
    "POST /app/login",
    "GET /app/setup",
    "POST /app/setup",
    "GET /auth/setup/status",
    "POST /auth/setup",
    "POST /auth/login",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /swagger/doc.json",
    "GET /swagger/index.html",
    "GET /static/<path:filename>",
}
GUARDS = {"session", "admin", "inference"}


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Method, rule and guard of every route."""
    return [
        (method, rule.rule, getattr(app.view_functions[rule.endpoint], "guard", ""))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def filled(rule: str) -> str:
    return re.sub(r"<[^>]+>", "x", rule)


def test_every_route_has_a_guard_or_is_meant_to_be_public(app: Flask) -> None:
    open_routes = {f"{method} {rule}" for method, rule, guard in routes(app) if guard not in GUARDS}

    assert open_routes == PUBLIC & {f"{method} {rule}" for method, rule, _ in routes(app)}
    assert open_routes <= PUBLIC


def test_nobody_gets_in_without_credentials(app: Flask) -> None:
    client = app.test_client()

    for method, rule, guard in routes(app):
        if guard in GUARDS:
            answer = client.open(filled(rule), method=method, json={})
            is_page = rule == "/" or rule.startswith("/app")
            allowed = {302, 303, 400} if is_page else {401, 404, 405}
            assert answer.status_code in allowed, f"{method} {rule}: {answer.status_code}"
            if is_page and answer.status_code != 400:
                assert "/app/login" in answer.headers["Location"]


@pytest.mark.parametrize("part", ["member"])
def test_a_member_administrates_nothing(part: str, app: Flask, client_as: object) -> None:
    assert callable(client_as)
    client: Client = client_as(part)

    for method, rule, guard in routes(app):
        if guard == "admin" and not rule.startswith("/app"):
            answer = client.open(filled(rule), method=method, json={})
            assert answer.status_code == 403, f"{method} {rule}: {answer.status_code}"
