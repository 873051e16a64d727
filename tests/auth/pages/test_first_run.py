"""The pages, as a browser without JavaScript and as HTMX use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from hyperstrate.auth.models import APIKey
from hyperstrate.auth.people import accounts
from hyperstrate.auth.people.sessions import Device
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

    answer = browser.post("/app/keys", {"name": "CI", "opens": "global"})

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
        accounts.change_password(
            people.alice.org_id,
            people.alice.id,
            old=PASSWORD,
            new="another long password",
            device=Device("api"),
        )

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


def test_htmx_is_sent_to_sign_in_as_a_whole_page(browser_as: BrowserAs) -> None:
    answer = browser_as(None).get("/app/keys", headers=HTMX)

    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"].startswith("/app/login")
