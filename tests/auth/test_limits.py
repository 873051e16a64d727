"""Limits: set, shown and cleared by the service, over REST and on pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hyperstrate.auth import limits
from hyperstrate.auth.keys import api_keys
from hyperstrate.auth.models import Limit, VirtualKey
from hyperstrate.router.models import Router
from hyperstrate.shared.crypto import hash_key
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.scopes import SCOPE_KINDS, ScopeKind
from tests.people import Browser, Part, People

ClientAs = Callable[[Part | None], FlaskClient]
BrowserAs = Callable[[Part | None], Browser]


@pytest.fixture
def own(people: People, router_id: str) -> dict[ScopeKind, str]:
    """What of Acme can have limits."""
    org_id = people.alice.org_id
    with unit_of_work():
        session.add(Router(id=router_id, org_id=org_id, name="Support"))
        key = api_keys.issue(org_id, "CI", scope="global").key
        virtual = VirtualKey(
            org_id=org_id,
            router_id=router_id,
            name="V",
            key_hash=hash_key("v"),
            prefix="hsv_",
        )
        session.add(virtual)
    return {
        "organization": org_id,
        "team": people.alice.team_id,
        "router": router_id,
        "api_key": key.id,
        "virtual_key": virtual.id,
    }


def amounts(limit: Limit) -> tuple[float, int, int, int]:
    return (
        limit.requests_per_second,
        limit.requests_per_minute,
        limit.tokens_per_minute,
        limit.concurrent_requests,
    )


@pytest.mark.parametrize("scope", SCOPE_KINDS)
def test_everything_of_an_organization_can_have_limits(
    scope: ScopeKind, own: dict[ScopeKind, str], people: People
) -> None:
    org_id = people.alice.org_id
    with unit_of_work():
        limits.set(org_id, scope, own[scope], requests_per_second=0.5, tokens_per_minute=7)

    assert amounts(limits.get(org_id, scope, own[scope])) == (0.5, 0, 7, 0)
    [view] = limits.views(org_id, limits.find(org_id, scope=scope).items)
    assert view.name


def test_setting_again_replaces_all_of_them(own: dict[ScopeKind, str], people: People) -> None:
    org_id, team_id = people.alice.org_id, own["team"]
    with unit_of_work():
        limits.set(org_id, "team", team_id, requests_per_minute=5, concurrent_requests=2)
    with unit_of_work():
        limits.set(org_id, "team", team_id, concurrent_requests=3)

    assert amounts(limits.get(org_id, "team", team_id)) == (0, 0, 0, 3)
    assert len(limits.find(org_id).items) == 1


def test_without_any_amount_there_is_no_limit(own: dict[ScopeKind, str], people: People) -> None:
    org_id, team_id = people.alice.org_id, own["team"]
    with unit_of_work():
        limits.set(org_id, "team", team_id, requests_per_minute=5)
    with unit_of_work():
        limits.set(org_id, "team", team_id)

    assert amounts(limits.get(org_id, "team", team_id)) == (0, 0, 0, 0)
    assert limits.find(org_id).items == []


def test_what_the_organization_has_not_is_not_found(people: People, router_id: str) -> None:
    for scope in SCOPE_KINDS:
        with pytest.raises(NotFound):
            limits.get(people.alice.org_id, scope, "nothing")
        with pytest.raises(NotFound):
            limits.set(people.alice.org_id, scope, "nothing", requests_per_minute=1)


def test_limits_over_rest(client_as: ClientAs, people: People) -> None:
    client = client_as("admin")
    path = f"/auth/limits/team/{people.alice.team_id}"

    put = client.put(path, json={"requestsPerSecond": 2.5, "requestsPerMinute": 90})

    assert put.status_code == 200, put.text
    assert put.get_json() | {"modifiedAt": None} == {
        "scope": "team",
        "scopeId": people.alice.team_id,
        "requestsPerSecond": 2.5,
        "requestsPerMinute": 90,
        "tokensPerMinute": 0,
        "concurrentRequests": 0,
        "modifiedAt": None,
    }
    assert client.get(path).get_json()["requestsPerMinute"] == 90
    assert len(client.get("/auth/limits?scope=team").get_json()["items"]) == 1
    assert client.delete(path).status_code == 204
    assert client.get(path).get_json()["requestsPerMinute"] == 0
    assert client.get("/auth/limits").get_json()["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"requestsPerSecond": -1}, "requestsPerSecond"),
        ({"requestsPerSecond": 0.0001}, "requestsPerSecond"),
        ({"requestsPerSecond": 1e9}, "requestsPerSecond"),
        ({"requestsPerSecond": "NaN"}, "requestsPerSecond"),
        ({"requestsPerMinute": -1}, "requestsPerMinute"),
        ({"requestsPerMinute": 1.5}, "requestsPerMinute"),
        ({"tokensPerMinute": "many"}, "tokensPerMinute"),
        ({"tokensPerMinute": 10**30}, "tokensPerMinute"),
        ({"concurrentRequests": 10**9}, "concurrentRequests"),
    ],
)
def test_absurd_limits_are_refused(
    body: dict[str, Any], field: str, client_as: ClientAs, people: People
) -> None:
    path = f"/auth/limits/team/{people.alice.team_id}"

    refused = client_as("admin").put(path, json=body)

    assert refused.status_code in (400, 422)
    assert field in refused.get_json()["fields"]


def test_an_unknown_scope_and_a_strangers_team_are_not_found(
    client_as: ClientAs, people: People
) -> None:
    path = f"/auth/limits/team/{people.alice.team_id}"

    for method in ("GET", "PUT", "DELETE"):
        assert client_as("stranger").open(path, method=method, json={}).status_code == 404
        unknown = client_as("admin").open("/auth/limits/planet/earth", method=method, json={})
        assert unknown.status_code == 404


def test_the_card_of_limits_saves_and_names_the_wrong_field(
    browser_as: BrowserAs, people: People
) -> None:
    browser = browser_as("admin")
    path = f"/app/limits/team/{people.alice.team_id}"
    assert "Default" in browser.get(path).text

    saved = browser.post(path, {"requestsPerSecond": "0.25", "tokensPerMinute": "5000"})
    wrong = browser.post(path, {"requestsPerMinute": "-3"})
    shown = browser.get(path, headers={"HX-Request": "true", "HX-Request-Type": "partial"})

    assert saved.status_code == 303
    assert wrong.status_code == 422
    assert "must be from 0 to" in wrong.text
    assert shown.text.strip().startswith('<div id="limits">')
    assert 'value="0.25"' in shown.text
    assert 'value="5000"' in shown.text


def test_the_page_of_limits_shows_what_has_some(browser_as: BrowserAs, people: People) -> None:
    browser = browser_as("admin")
    assert "No limits yet" in browser.get("/app/limits").text

    browser.post(f"/app/limits/team/{people.alice.team_id}", {"requestsPerMinute": "12345"})
    chosen = browser.get(f"/app/limits/choose?subject=team:{people.alice.team_id}")

    assert "12,345" in browser.get("/app/limits").text
    assert "None of these" in browser.get("/app/limits?scope=router").text
    assert chosen.headers["Location"].endswith(f"/app/limits/team/{people.alice.team_id}")
    assert browser.get("/app/limits/choose?subject=planet:x").status_code == 303
    assert browser.get("/app/limits?scope=planet&page=x").status_code == 200


def test_every_page_says_that_shares_are_enforced(
    app: Flask, browser_as: BrowserAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = browser_as("admin")
    assert "enforces its share" not in browser.get("/app/limits").text

    monkeypatch.setitem(app.jinja_env.globals, "problem", lambda: "Each enforces its share.")

    assert "Each enforces its share." in browser.get("/app/limits").text
