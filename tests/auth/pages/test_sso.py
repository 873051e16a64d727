"""The pages and the REST of single sign-on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hyperstrate.auth.people import teams
from hyperstrate.auth.sso import groups, providers
from hyperstrate.shared.db import unit_of_work
from tests import answers
from tests.auth.sso.desk import Desk, provider_of
from tests.auth.sso.idp import CLIENT_ID, Idp
from tests.people import Browser, People

BrowserAs = Callable[[str | None], Browser]
ClientAs = Callable[[str | None], FlaskClient]


def form_of(idp: Idp, **changes: str) -> dict[str, str]:
    form = {
        "type": "oidc",
        "name": "Acme login",
        "issuer": idp.issuer,
        "clientId": CLIENT_ID,
        "clientSecret": "our secret + %",
        "domains": "acme.test, example.com",
        "defaultRole": "viewer",
    }
    return {**form, **changes}


def add(browser: Browser, form: dict[str, str]) -> TestResponse:
    browser.get("/app/sso/new")
    return browser.post("/app/sso/new", form)


def test_a_provider_is_added_tested_changed_and_deleted(browser_as: BrowserAs, idp: Idp) -> None:
    browser = browser_as("admin")

    place = add(browser, form_of(idp)).location
    shown = browser.get(place)
    tested = browser.post(f"{place}/test")
    saved = browser.post(place, form_of(idp, name="Sesame", clientSecret="", isEnabled="true"))
    listed = browser.get("/app/sso")
    unmatched = browser.post(f"{place}/delete", {"confirm": "no"})
    deleted = browser.post(f"{place}/delete", {"confirm": "Sesame"})

    assert "http://localhost/auth/sso/callback" in shown.text
    assert "our secret" not in shown.text
    assert "acme.test\nexample.com" in shown.text
    assert "The provider answered" in tested.text
    assert saved.status_code == 303
    assert "Sesame" in listed.text
    assert unmatched.status_code == 400
    assert deleted.status_code == 303
    assert "No provider yet" in browser.get("/app/sso").text


def test_what_was_typed_is_kept_but_the_secret(browser_as: BrowserAs, idp: Idp) -> None:
    answer = add(browser_as("admin"), form_of(idp, issuer="http://169.254.169.254/"))

    assert answer.status_code == 400
    assert "is an address inside the network" in answer.text
    assert 'value="Acme login"' in answer.text
    assert "our secret" not in answer.text


def test_a_provider_that_is_away_is_told(browser_as: BrowserAs, idp: Idp) -> None:
    browser = browser_as("admin")
    place = add(browser, form_of(idp)).location
    idp.pages["/.well-known/openid-configuration"] = lambda _: answers.html(503)

    answer = browser.post(f"{place}/test")

    assert answer.status_code == 502
    assert "answered 503" in answer.text


def test_groups_are_mapped_and_forgotten(browser_as: BrowserAs, people: People) -> None:
    browser = browser_as("admin")
    browser.get("/app/sso")

    nothing = browser.post("/app/sso/mappings", {"groupName": "bosses"})
    browser.post("/app/sso/mappings", {"groupName": "bosses", "role": "admin"})
    shown = browser.get("/app/sso")
    [mapping] = groups.find(people.alice.org_id)
    browser.post(f"/app/sso/mappings/{mapping.id}/delete")

    assert nothing.status_code == 400
    assert "choose a team or a role" in nothing.text
    assert "bosses" in shown.text
    assert groups.find(people.alice.org_id) == []


def test_passwords_are_shut_out_and_let_in(
    browser_as: BrowserAs, desk: Desk, people: People
) -> None:
    bob = browser_as("member")
    desk.idp.claims = {"email": people.alice.email}
    desk.come_back()
    warned = desk.browser.get("/app/sso")

    shut = desk.browser.post("/app/sso/required", {"isRequired": "true"})
    shown = desk.browser.get("/app/sso")
    outside = bob.get("/app/account")
    again = desk.browser.post("/app/sso/required", {"isRequired": "false"})

    assert "5 sessions that began with a password end" in warned.text
    assert "Yours goes on." in warned.text
    assert (shut.status_code, again.status_code) == (303, 303)
    assert "Nobody of this organization signs in with a password" in shown.text
    assert outside.location == "/app/login?next=/app/account"


def test_an_admin_with_a_password_is_told_before_they_shut_themselves_out(
    browser_as: BrowserAs, desk: Desk
) -> None:
    browser = browser_as("admin")
    warned = browser.get("/app/sso")

    browser.post("/app/sso/required", {"isRequired": "true"})

    assert "Yours is among them" in warned.text
    assert browser.get("/app/sso").location == "/app/login?next=/app/sso"


def test_the_sign_in_page_has_a_button_for_each_provider(desk: Desk) -> None:
    page = desk.browser.get("/app/login?next=/app/logs")

    assert "Sign in with Acme login" in page.text
    assert re.search(rf'href="/auth/sso/{desk.provider.id}/start\?next=/app/logs"', page.text)


def test_strangers_are_told_the_buttons_and_no_more(desk: Desk, client_as: ClientAs) -> None:
    answer = client_as(None).get("/auth/sso-providers/public")

    assert answer.json == [{"id": desk.provider.id, "type": "oidc", "name": "Acme login"}]


def test_providers_by_rest(idp: Idp, client_as: ClientAs, people: People) -> None:
    client = client_as("admin")
    body: dict[str, Any] = {**form_of(idp), "domains": ["example.com"]}

    made = client.post("/auth/sso-providers", json=body).json
    assert made is not None
    place = f"/auth/sso-providers/{made['id']}"
    listed = client.get("/auth/sso-providers").json
    changed = client.patch(place, json={"name": "Sesame", "isEnabled": False}).json
    tested = client.post(f"{place}/test").json

    assert (made["orgId"], made["hasClientSecret"]) == (people.alice.org_id, True)
    assert not any("secret +" in str(value) for value in made.values())
    assert listed is not None
    assert listed["redirectUri"] == "http://localhost/auth/sso/callback"
    assert changed is not None
    assert (changed["name"], changed["isEnabled"]) == ("Sesame", False)
    assert tested is not None
    assert tested["issuer"] == idp.issuer
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404


def test_the_installations_providers_are_the_platform_admins(
    idp: Idp, client_as: ClientAs, people: People
) -> None:
    body = {**form_of(idp), "domains": [], "isOfInstallation": True}
    row = provider_of(people.pat.org_id, idp, is_of_installation=True)

    assert client_as("admin").post("/auth/sso-providers", json=body).status_code == 403
    assert client_as("admin").get(f"/auth/sso-providers/{row.id}").status_code == 404
    assert row.id in {it.id for it in providers.find(people.pat.org_id, is_platform_admin=True)}
    assert providers.find(people.pat.org_id) == []


def test_mappings_by_rest(client_as: ClientAs, people: People) -> None:
    client = client_as("admin")
    body = {"groupName": "staff", "teamId": people.alice.team_id}

    made = client.post("/auth/oidc/group-mappings", json=body)
    listed = client.get("/auth/oidc/group-mappings").json

    assert made.status_code == 201
    assert made.json is not None
    assert listed == {"data": [made.json]}
    assert set(made.json) == {"id", "orgId", "groupName", "teamId", "createdAt"}
    place = f"/auth/oidc/group-mappings/{made.json['id']}"
    assert client_as("stranger").delete(place).status_code == 404
    assert client.delete(place).status_code == 204
    foreign = {"groupName": "staff", "teamId": people.carol.team_id}
    assert client.post("/auth/oidc/group-mappings", json=foreign).status_code == 404


@pytest.mark.parametrize("part", ["member", "viewer", "stranger"])
def test_others_change_nothing(desk: Desk, client_as: ClientAs, part: str) -> None:
    client, place = client_as(part), f"/auth/sso-providers/{desk.provider.id}"

    refused = {
        client.patch(place, json={"name": "x"}).status_code,
        client.delete(place).status_code,
    }

    assert refused <= {403, 404}


def test_a_team_that_is_deleted_takes_its_mappings_along(people: People) -> None:
    with unit_of_work():
        team = teams.create(people.alice.org_id, "Gone")
        groups.add(people.alice.org_id, "staff", team_id=team.id)
    with unit_of_work():
        teams.delete(people.alice.org_id, team.id)

    assert groups.find(people.alice.org_id) == []
