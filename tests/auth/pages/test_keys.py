"""The pages of API keys and virtual keys."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from hyperstrate.auth.keys import verifying
from hyperstrate.auth.keys.key_secrets import PREFIX_LENGTH
from hyperstrate.auth.models import APIKey, VirtualKey
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import Unauthorized
from tests.people import Browser, People

BrowserAs = Callable[[str | None], Browser]
HTMX = {"HX-Request": "true"}


def _secret(html: str) -> str:
    found = re.search(r'<code id="secret"[^>]*>(hs_\w+)</code>', html)
    assert found, html
    return found[1]


def _make_key(browser: Browser, **form: str) -> str:
    browser.get("/app/keys")
    answer = browser.post("/app/keys", {"name": "CI", "opens": "global", **form})
    assert answer.status_code == 200, answer.text
    return _secret(answer.text)


def test_only_an_admin_sees_keys(browser_as: BrowserAs) -> None:
    assert browser_as("member").get("/app/keys").status_code == 403
    assert browser_as(None).get("/app/keys").location == "/app/login?next=/app/keys"


def test_a_new_key_is_shown_once_with_a_snippet(
    browser_as: BrowserAs, people: People, router_id: str
) -> None:
    browser = browser_as("admin")
    browser.get("/app/keys")

    made = browser.post("/app/keys", {"name": "CI", "opens": router_id})
    secret = _secret(made.text)
    later = browser.get("/app/keys")

    assert verifying.verify(secret).router_id == router_id
    assert f"http://localhost/router/{router_id}/v1" in made.text
    assert "Copy key" in made.text
    assert "I saved it" in made.text
    assert secret not in later.text
    assert secret[:PREFIX_LENGTH] in later.text
    assert "Support" in later.text


def test_a_date_without_a_time_is_the_start_of_that_day(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")

    _make_key(browser, expiresAt="2099-02-03")

    assert "2099-02-03 00:00:00 UTC" in browser.get("/app/keys").text


def test_a_wrong_key_keeps_what_was_typed(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    browser.get("/app/keys")

    refused = browser.post("/app/keys", {"name": "CI", "opens": "", "expiresAt": "2001-01-01"})
    unbound = browser.post("/app/keys", {"name": "CI", "opens": ""})
    unknown = browser.post("/app/keys", {"name": "CI", "opens": "rtr_x"})

    assert refused.status_code == 400
    assert "must be in the future" in refused.text
    assert 'value="2001-01-01"' in refused.text
    assert 'value="CI"' in refused.text
    assert unbound.status_code == 400
    assert "this field is required" in unbound.text
    assert unknown.status_code == 404
    assert "router not found" in unknown.text


def test_what_a_key_opens_must_be_chosen(browser_as: BrowserAs, router_id: str) -> None:
    browser = browser_as("admin")

    form = browser.get("/app/keys").text
    chosen = browser.get(f"/app/keys?routerId={router_id}").text

    field = re.search(r'<select\s+id="field-opens".*?</select>', form, re.DOTALL)
    assert field
    assert "required" in field[0]
    assert "Router Support" in field[0]
    assert re.search(rf'<option value="{router_id}"\s+selected>Router Support<', chosen)


def test_the_list_is_filtered_by_router_and_team(
    browser_as: BrowserAs, people: People, router_id: str
) -> None:
    browser = browser_as("admin")
    _make_key(browser, name="everywhere")
    _make_key(browser, name="bound", opens=router_id)

    found = browser.get(f"/app/keys?routerId={router_id}&teamId={people.alice.team_id}").text
    nothing = browser.get("/app/keys?teamId=team_x").text

    assert "bound" in found
    assert "everywhere" not in found
    assert "No key matches" in nothing


def test_htmx_gets_the_keys_and_not_the_page(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    _make_key(browser)

    part = browser.get("/app/keys?unused=never", headers=HTMX)

    assert part.status_code == 200
    assert "<html" not in part.text
    assert part.text.strip().startswith('<div id="keys">')
    assert "CI" in part.text
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
    assert verifying.verify(secret)


def test_rotates_with_an_overlap_and_a_second_click_changes_nothing(
    browser_as: BrowserAs,
) -> None:
    browser = browser_as("admin")
    first = _make_key(browser)
    path = f"/app/keys/{session.scalar(select(APIKey.id))}"
    form = {"overlapMinutes": "1440", "rotationId": f"page-{first[:PREFIX_LENGTH]}"}

    second = _secret(browser.post(f"{path}/rotate", form).text)
    again = browser.post(f"{path}/rotate", form)
    page = browser.get(path).text

    assert again.status_code == 303
    assert verifying.verify(first).key_prefix != verifying.verify(second).key_prefix
    assert second not in page
    assert first[:PREFIX_LENGTH] in page
    assert second[:PREFIX_LENGTH] in page
    browser.post(f"{path}/finish-rotation")
    with pytest.raises(Unauthorized):
        verifying.verify(first)


def test_deletes_once_the_name_was_typed(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    secret = _make_key(browser)
    path = f"/app/keys/{session.scalar(select(APIKey.id))}"

    refused = browser.post(f"{path}/delete", {"confirm": "Wrong"})
    assert verifying.verify(secret)
    deleted = browser.post(f"{path}/delete", {"confirm": "CI"})

    assert refused.status_code == 400
    assert "The name did not match" in refused.text
    assert deleted.status_code == 303
    assert "The key was deleted." in browser.get(deleted.location).text
    assert session.scalar(select(func.count()).select_from(APIKey)) == 0


def test_the_rules_of_a_key_are_set_on_its_page(browser_as: BrowserAs, router_id: str) -> None:
    browser = browser_as("admin")
    _make_key(browser, expiresAt="2099-02-03")
    key = session.scalars(select(APIKey)).one()
    path = f"/app/keys/{key.id}"
    form = {
        "name": "Builds",
        "expiresAt": "2099-02-03",
        "allowedRouters": [router_id],
        "allowedModels": "openai/*\r\nanthropic/*",
        "deniedModels": "*-preview",
        "allowedNetworks": "10.1.2.3\n2001:db8::/32",
        "contentLogging": "off",
    }

    wrong = browser.post(path, {**form, "allowedNetworks": "here"})
    saved = browser.post(path, form)

    assert wrong.status_code == 400
    assert "must be a network" in wrong.text
    assert "openai/*\r\nanthropic/*" in wrong.text
    assert saved.status_code == 303
    session.expire_all()
    assert key.name == "Builds"
    assert key.allowed_routers == [router_id]
    assert key.allowed_models == ["openai/*", "anthropic/*"]
    assert key.denied_models == ["*-preview"]
    assert key.allowed_networks == ["10.1.2.3/32", "2001:db8::/32"]
    assert key.content_logging == "off"
    assert key.expires_at
    page = browser.get(path).text
    assert "openai/*\nanthropic/*" in page
    assert "only openai/*" in browser.get("/app/keys").text
    browser.post(path, {"name": "Builds", "contentLogging": "off"})
    session.expire_all()
    assert key.expires_at is None
    assert key.allowed_models == []


def test_a_viewer_reads_keys_and_has_no_buttons(browser_as: BrowserAs) -> None:
    secret = _make_key(browser_as("admin"))
    path = f"/app/keys/{session.scalar(select(APIKey.id))}"
    viewer = browser_as("viewer")

    page, listed = viewer.get(path), viewer.get("/app/keys")

    assert secret[:PREFIX_LENGTH] in page.text
    for button in ("Rotate", "Disable", "Delete", "Save"):
        assert button not in page.text
    assert "New key" not in listed.text
    for action in ("rotate", "disable", "delete"):
        assert viewer.post(f"{path}/{action}", {"confirm": "CI"}).status_code == 403
    assert verifying.verify(secret)


def test_a_virtual_key_is_made_and_changed_on_its_pages(
    browser_as: BrowserAs, stored_router: str
) -> None:
    browser = browser_as("admin")
    empty = browser.get("/app/virtual-keys").text
    form = {
        "name": "Guest",
        "routerId": stored_router,
        "maxRequests": "100",
        "maxCostUsd": "2.5",
        "resetPeriod": "monthly",
        "rateLimitRps": "0.5",
    }

    wrong = browser.post("/app/virtual-keys", {**form, "maxCostUsd": "-1", "routerId": ""})
    secret = _secret(browser.post("/app/virtual-keys", form).text)
    key = session.scalars(select(VirtualKey)).one()
    path = f"/app/virtual-keys/{key.id}"
    page = browser.get(path).text
    changes = {**form, "name": "Visitor", "maxRequests": "0", "contentLogging": "on"}
    saved = browser.post(path, changes)

    assert "No virtual keys yet" in empty
    assert wrong.status_code == 400
    assert "must be from 0" in wrong.text
    assert verifying.verify(secret).router_id == stored_router
    assert "$0.00 of $2.50" in page
    assert "0 of 100 requests" in page
    assert saved.status_code == 303
    assert "0 of 100 requests" not in browser.get(path).text
    assert "Visitor" in browser.get("/app/virtual-keys").text
    browser.post(f"{path}/delete", {"confirm": "Visitor"})
    assert session.scalar(select(func.count()).select_from(VirtualKey)) == 0


def test_a_stranger_reaches_no_key_of_another_organisation(browser_as: BrowserAs) -> None:
    secret = _make_key(browser_as("admin"))
    path = f"/app/keys/{session.scalar(select(APIKey.id))}"
    stranger = browser_as("stranger")
    stranger.get("/app/keys")

    assert stranger.get(path).status_code == 404
    for action in ("", "/enable", "/disable", "/rotate", "/finish-rotation", "/delete"):
        form = {"confirm": "CI", "name": "Mine"}
        assert stranger.post(f"{path}{action}", form).status_code == 404
    assert secret[:PREFIX_LENGTH] not in stranger.get("/app/keys").text
    assert verifying.verify(secret)
