"""The pages, as a browser without JavaScript and as HTMX use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from hyperstrate.auth import keys
from hyperstrate.auth.models import APIKey, User
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session, unit_of_work
from tests.people import PASSWORD, Browser, People

BrowserAs = Callable[[str | None], Browser]
HTMX = {"HX-Request": "true"}
SETUP = {
    "setupToken": "set-me-up",
    "orgName": "Acme",
    "name": "Alice",
    "email": "alice@example.com",
    "password": PASSWORD,
}


def _secret(html: str) -> str:
    found = re.search(r'<code id="secret"[^>]*>(hs_\w+)</code>', html)
    assert found, html
    return found[1]


def _make_key(browser: Browser, **form: str) -> str:
    browser.get("/app/keys")
    answer = browser.post("/app/keys", {"name": "CI", "scope": "global", **form})
    assert answer.status_code == 200, answer.text
    return _secret(answer.text)


def test_the_first_run_from_the_printed_link_to_the_keys(app: Flask) -> None:
    browser = Browser(app)

    form = browser.get("/app/setup?token=set-me-up")
    done = browser.post("/app/setup", SETUP)
    page = browser.get("/app/keys")

    assert 'value="set-me-up"' in form.text
    assert (done.status_code, done.location) == (303, "/app")
    assert page.status_code == 200
    assert "No keys yet" in page.text
    assert browser.get("/app/setup").location == "/app/login"


def test_sign_in_leads_to_set_up_at_the_first_run(app: Flask) -> None:
    assert Browser(app).get("/app/login").location == "/app/setup"


def test_a_wrong_set_up_keeps_what_was_typed(app: Flask) -> None:
    browser = Browser(app)
    browser.get("/app/setup")

    short = browser.post("/app/setup", {**SETUP, "password": "short"})
    wrong = browser.post("/app/setup", {**SETUP, "setupToken": "guess"})

    assert short.status_code == 400
    assert "must be at least 12 characters" in short.text
    assert 'value="alice@example.com"' in short.text
    assert "short" not in re.findall(r'value="([^"]*)"', short.text)
    assert wrong.status_code == 401
    assert "is wrong" in wrong.text


def test_a_set_up_that_is_done_leads_to_sign_in(browser_as: BrowserAs) -> None:
    browser = browser_as(None)
    browser.get("/app/login")

    answer = browser.post("/app/setup", SETUP)

    assert answer.location == "/app/login"


def test_signs_in_and_out(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    page = browser.get("/app/keys")
    assert page.status_code == 200
    assert "alice@example.com" in page.text
    assert "Acme" in page.text

    answer = browser.post("/app/logout")

    assert answer.location == "/app/login"
    assert browser.get("/app/keys").location.startswith("/app/login")


def test_the_cookie_is_closed_to_scripts_and_other_sites(browser_as: BrowserAs) -> None:
    browser = browser_as(None)

    answer = browser.get("/app/login")

    cookie = SimpleCookie(answer.headers["Set-Cookie"])["hyperstrate"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["expires"]
    assert not cookie["max-age"]


def test_a_wrong_password_is_told_and_the_e_mail_kept(browser_as: BrowserAs) -> None:
    browser = browser_as(None)
    browser.get("/app/login")

    wrong = browser.post("/app/login", {"email": "bob@example.com", "password": "guess"})
    empty = browser.post("/app/login", {"email": "bob@example.com", "password": ""})

    assert wrong.status_code == 401
    assert "the e-mail or the password is wrong" in wrong.text
    assert 'value="bob@example.com"' in wrong.text
    assert "guess" not in wrong.text
    assert empty.status_code == 400
    assert "this field is required" in empty.text


def test_guessing_on_the_page_is_slowed_too(browser_as: BrowserAs) -> None:
    browser = browser_as(None)
    browser.get("/app/login")
    guess = {"email": "bob@example.com", "password": "guess"}

    answers = [browser.post("/app/login", guess) for _ in range(12)]

    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "too many attempts" in answers[-1].text


def test_goes_on_where_one_wanted_to_go(browser_as: BrowserAs, people: People) -> None:
    browser = browser_as(None)
    asked = browser.get("/app/keys?page=2")
    browser.get(asked.location)

    answer = browser.post(
        asked.location, {"email": people.alice.email, "password": people.alice.password}
    )

    assert answer.location == "/app/keys?page=2"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/app.evil", "javascript:1", ""],
)
def test_never_goes_on_to_another_site(
    browser_as: BrowserAs, people: People, elsewhere: str
) -> None:
    browser = browser_as(None)
    browser.get("/app/login")

    answer = browser.post(
        "/app/login",
        {"email": people.alice.email, "password": people.alice.password},
        query_string={"next": elsewhere},
    )

    assert answer.location == "/app"


def test_a_form_without_its_csrf_token_changes_nothing(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    browser.csrf_token = ""

    answer = browser.post("/app/keys", {"name": "CI", "scope": "global"})

    assert answer.status_code == 400
    assert session.scalar(select(func.count()).select_from(APIKey)) == 0


def test_the_cookie_alone_writes_nothing_through_the_api(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    browser.get("/app/keys")
    body: dict[str, Any] = {"json": {"name": "CI", "scope": "global"}}

    reads = browser.client.get("/auth/api-keys")
    writes = browser.client.post("/auth/api-keys", **body)
    forged = browser.client.post("/auth/api-keys", **body, headers={"X-CSRFToken": "guess"})
    meant = browser.client.post(
        "/auth/api-keys", **body, headers={"X-CSRFToken": browser.csrf_token}
    )

    assert reads.status_code == 200
    assert (writes.status_code, forged.status_code) == (401, 401)
    assert meant.status_code == 201


def test_a_new_password_signs_every_browser_out(browser_as: BrowserAs, people: People) -> None:
    browser = browser_as("admin")

    with unit_of_work():
        session.get_one(User, people.alice.id).session_version += 1
        bump("users")

    assert browser.get("/app/keys").location.startswith("/app/login")


def test_signing_in_leaves_nothing_of_the_session_before(
    browser_as: BrowserAs, people: People
) -> None:
    browser = browser_as(None)
    browser.get("/app/login")
    before = browser.csrf_token

    browser.sign_in(people.alice)
    browser.csrf_token = before

    assert browser.post("/app/logout").status_code == 400


def test_only_an_admin_sees_keys(browser_as: BrowserAs) -> None:
    assert browser_as("member").get("/app/keys").status_code == 403
    assert browser_as(None).get("/app/keys").location == "/app/login?next=/app/keys"


def test_a_new_key_is_shown_once_with_a_snippet(
    browser_as: BrowserAs, people: People, router_id: str
) -> None:
    browser = browser_as("admin")
    browser.get("/app/keys")

    made = browser.post("/app/keys", {"name": "CI", "scope": "router", "routerId": router_id})
    secret = _secret(made.text)
    later = browser.get("/app/keys")

    assert keys.verify(secret).router_id == router_id
    assert f"http://localhost/router/{router_id}/v1" in made.text
    assert "Copy key" in made.text
    assert "I saved it" in made.text
    assert secret not in later.text
    assert secret[: keys.PREFIX_LENGTH] in later.text
    assert "Support" in later.text


def test_a_date_without_a_time_is_the_start_of_that_day(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")

    _make_key(browser, expiresAt="2099-02-03")

    assert "2099-02-03 00:00:00 UTC" in browser.get("/app/keys").text


def test_a_wrong_key_keeps_what_was_typed(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    browser.get("/app/keys")

    refused = browser.post(
        "/app/keys", {"name": "CI", "scope": "router", "routerId": "", "expiresAt": "2001-01-01"}
    )
    unbound = browser.post("/app/keys", {"name": "CI", "scope": "router", "routerId": ""})
    unknown = browser.post("/app/keys", {"name": "CI", "scope": "router", "routerId": "rtr_x"})

    assert refused.status_code == 400
    assert "must be in the future" in refused.text
    assert 'value="2001-01-01"' in refused.text
    assert 'value="CI"' in refused.text
    assert unbound.status_code == 400
    assert "this field is required" in unbound.text
    assert unknown.status_code == 404
    assert "router not found" in unknown.text


def test_htmx_gets_the_keys_and_not_the_page(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    _make_key(browser)
    key_id = session.scalar(select(APIKey.id))

    part = browser.post(f"/app/keys/{key_id}/disable", headers=HTMX)

    assert part.status_code == 200
    assert "<html" not in part.text
    assert part.text.strip().startswith('<div id="keys">')
    assert "disabled" in part.text
    assert "HX-Request" in part.headers["Vary"]


def test_disables_and_enables_without_javascript(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    secret = _make_key(browser)
    key_id = session.scalar(select(APIKey.id))

    disabled = browser.post(f"/app/keys/{key_id}/disable")
    page = browser.get(disabled.location)
    enabled = browser.post(f"/app/keys/{key_id}/enable")

    assert disabled.status_code == 303
    assert "The key is disabled." in page.text
    assert enabled.status_code == 303
    assert keys.verify(secret)


def test_rotates_and_deletes_once_the_name_was_typed(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    first = _make_key(browser)
    path = f"/app/keys/{session.scalar(select(APIKey.id))}"

    for action in ("rotate", "delete"):
        refused = browser.post(f"{path}/{action}", {"confirm": "Wrong"})
        assert refused.status_code == 400
        assert "The name did not match" in refused.text
        assert keys.verify(first)
    second = _secret(browser.post(f"{path}/rotate", {"confirm": "CI"}).text)
    assert keys.verify(second)
    deleted = browser.post(f"{path}/delete", {"confirm": "CI"})

    assert deleted.status_code == 303
    assert "The key was deleted." in browser.get(deleted.location).text
    assert session.scalar(select(func.count()).select_from(APIKey)) == 0


def test_a_stranger_reaches_no_key_of_another_organisation(browser_as: BrowserAs) -> None:
    secret = _make_key(browser_as("admin"))
    path = f"/app/keys/{session.scalar(select(APIKey.id))}"
    stranger = browser_as("stranger")
    stranger.get("/app/keys")

    for action in ("enable", "disable", "rotate", "delete"):
        assert stranger.post(f"{path}/{action}", {"confirm": "CI"}).status_code == 404
    assert secret[: keys.PREFIX_LENGTH] not in stranger.get("/app/keys").text
    assert keys.verify(secret)


def test_htmx_is_sent_to_sign_in_as_a_whole_page(browser_as: BrowserAs) -> None:
    answer = browser_as(None).get("/app/keys", headers=HTMX)

    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"].startswith("/app/login")
