"""Who may call what: every route, called by everybody, does what the table says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from hyperstrate.access import CALLERS, FORBIDDEN, UNKNOWN, Route, Who, outcome, routes, table
from hyperstrate.router import paths, views
from tests import access
from tests.access import MARK, Acme, Callers, Saved, address, classified
from tests.people import Client, People

PUBLIC = {
    "GET /app/login",
    "POST /app/login",
    "GET /app/setup",
    "POST /app/setup",
    "GET /auth/setup/status",
    "POST /auth/setup",
    "POST /auth/login",
    "POST /auth/invitations/accept",
    "GET /app/invitation",
    "POST /app/invitation",
    "GET /auth/sso-providers/public",
    "POST /auth/oidc/exchange",
    "GET /auth/sso/<provider_id>/start",
    "GET /auth/sso/callback",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /swagger/doc.json",
    "GET /swagger/index.html",
    "GET /static/<path:filename>",
}
#: A walk needs one database that goes back after each call; what it asks is the same on both.
on_sqlite = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
INSIDERS = {"member", "viewer", "admin"}
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "access.md"


def all_routes(app: Flask) -> list[Route]:
    return routes(app.url_map, app.view_functions)


@pytest.fixture
def acme(app: Flask, people: People, client_as: Callable[[str], Client]) -> Acme:
    return access.furnish(app, people, client_as("admin"))


@pytest.fixture
def callers(app: Flask, people: People, acme: Acme) -> Callers:
    return Callers(app, people, acme)


@pytest.fixture
def saved(app: Flask, callers: Callers) -> Iterator[Saved]:
    made = Saved(app)
    yield made
    made.close()


def test_every_route_has_a_guard_or_is_meant_to_be_public_lesson_a(app: Flask) -> None:
    found = all_routes(app)

    assert {f"{each.method} {each.rule}" for each in found if each.guard == "public"} == PUBLIC
    assert {each.guard for each in found} <= UNKNOWN.keys() == FORBIDDEN.keys()


@on_sqlite
@pytest.mark.parametrize("who", CALLERS)
def test_every_route_answers_everybody_as_the_table_says_lesson_a(
    app: Flask, callers: Callers, saved: Saved, acme: Acme, who: Who
) -> None:
    """What is refused, or another organisation's, changes and shows nothing of Acme's."""
    wrong = []
    for route in all_routes(app):
        wanted, answer = outcome(route, who), callers.call(who, route)
        text, got = answer.get_data(as_text=True), classified(answer, route)
        said = f"{route.method} {route.rule}: {answer.status_code}, wanted {wanted}; {text[:160]}"
        if answer.status_code >= 500 and route.rule != "/readyz":
            wrong.append(said)
        answer.close()
        if route.guard == "public":
            continue
        if got != ("in" if wanted == "own" else wanted):
            wrong.append(said)
        if wanted != "in":
            wrong += [f"{said} changed {name}" for name in saved.differs(acme.org_id)]
            if who not in INSIDERS and MARK in text.replace(f"{MARK}-router", ""):
                wrong.append(f"{said} shows {MARK}")
        if route.method != "GET" and got not in ("401", "403"):
            saved.restore()

    assert not wrong, "\n".join(wrong)


@on_sqlite
@pytest.mark.parametrize("who", CALLERS)
def test_models_are_called_by_cookie_as_by_token_lesson_a(
    app: Flask, callers: Callers, saved: Saved, who: Who
) -> None:
    """The same paths behind Flask: what stands in front answers only who brings a credential."""
    for route in all_routes(app):
        if route.guard == "inference":
            wanted, answer = outcome(route, who), callers.browse(who, route)
            got = classified(answer, route)
            assert got == ("in" if wanted == "own" else wanted), (route, answer.text)


def test_calls_of_models_have_one_view_and_are_read_in_front_of_it_complaint_12(
    app: Flask, acme: Acme
) -> None:
    found = [each for each in all_routes(app) if each.guard == "inference"]
    rules = {rule.rule: rule.endpoint for rule in app.url_map.iter_rules()}

    assert found
    for route in found:
        view = app.view_functions[rules[route.rule]]
        assert view.__name__ == views.infer.__name__
        assert paths.read(address(route, acme, "")), route


def test_the_table_in_the_docs_is_the_present_one(app: Flask) -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == table(all_routes(app)), (
        "write it anew: flask access > docs/access.md"
    )


def test_the_command_prints_the_table(app: Flask) -> None:
    printed = app.test_cli_runner().invoke(args=["access"]).output

    assert printed == table(all_routes(app))
