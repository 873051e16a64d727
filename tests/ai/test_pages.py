"""The pages of models, as a browser without JavaScript uses them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hyperstrate.ai import registrations
from hyperstrate.shared.db import unit_of_work
from tests import answers
from tests.ai.conftest import Orgs, Registers, fresh
from tests.people import Browser, Part
from tests.upstreams import Provider

BrowserAs = Callable[[Part | None], Browser]


@pytest.fixture
def admin(browser_as: BrowserAs) -> Browser:
    return browser_as("admin")


def test_an_empty_list_names_the_next_step(admin: Browser) -> None:
    page = admin.get("/app/models")

    assert page.status_code == 200
    assert "No models yet" in page.text
    assert 'href="/app/models/catalog"' in page.text


def test_the_list_shows_price_key_and_test(admin: Browser, register: Registers, orgs: Orgs) -> None:
    ready = register("chatgpt/gpt-5", api_key="k")
    register("anthropic/claude-sonnet-4-5")
    with unit_of_work():
        registrations.note_test(orgs.acme, ready.id, latency_ms=123, error="")

    text = admin.get("/app/models").text

    assert "GPT-5" in text
    assert "$1.25" in text
    assert "Key missing" in text
    assert "123 ms" in text
    assert "Not tested" in text


def test_a_search_is_answered_with_the_block_alone(admin: Browser, register: Registers) -> None:
    register("chatgpt/gpt-5")
    register("dummy")

    found = admin.get("/app/models?q=dummy", headers={"HX-Request": "true"})

    assert "<html" not in found.text
    assert "Dummy" in found.text
    assert "GPT-5" not in found.text


def test_the_catalog_is_searched_and_says_what_is_not_supported(admin: Browser) -> None:
    page = admin.get("/app/models/catalog?q=gemini-2.5-pro")

    assert "Gemini 2.5 Pro" in page.text
    assert "not supported yet" in page.text
    assert "/app/models/new?key=gemini" not in page.text


def test_a_model_is_registered_from_the_catalog(admin: Browser, orgs: Orgs) -> None:
    form = admin.get("/app/models/new?key=chatgpt/gpt-5")
    assert "GPT-5" in form.text

    sent = admin.post(
        "/app/models/new",
        {"modelDefinitionKey": "chatgpt/gpt-5", "alias": "fast", "upstreamModel": ""},
    )

    (found,) = registrations.find(orgs.acme).items
    assert sent.status_code == 303
    assert sent.location == f"/app/models/{found.id}"
    assert found.name == "fast"


def test_a_refused_form_keeps_what_was_typed(admin: Browser) -> None:
    data = {"modelDefinitionKey": "gemini/gemini-2.5-pro", "alias": "my alias"}

    refused = admin.post("/app/models/new", data)

    assert refused.status_code == 422
    assert "cannot be called yet" in refused.text
    assert 'value="my alias"' in refused.text


def test_a_configuration_is_saved_and_never_shown(
    admin: Browser, register: Registers, orgs: Orgs
) -> None:
    made = register("chatgpt/gpt-5")
    data = {
        "baseUrl": "https://api.openai.com/v1",
        "apiKey": "canary-1",
        "apiKeyPool": "canary-2\ncanary-3",
        "extraHeaders": "X-Tenant: canary-4",
        "timeoutSecs": "30",
        "idleTimeoutSecs": "",
    }

    saved = admin.post(f"/app/models/{made.id}/configuration", data)
    page = admin.get(f"/app/models/{made.id}")

    assert saved.status_code == 303
    assert "canary" not in page.text
    assert "x-tenant: &lt;redacted&gt;" in page.text
    assert "2 kept" in page.text
    row = fresh(orgs.acme, made.id).configuration
    assert row is not None
    assert (row.timeout_secs, row.idle_timeout_secs, row.api_key_pool_size) == (30, 60, 2)


def test_saving_again_keeps_the_pool_until_it_is_forgotten(
    admin: Browser, register: Registers, orgs: Orgs
) -> None:
    made = register("chatgpt/gpt-5", api_key="k", api_key_pool=["a"], extra_headers={"X-A": "1"})
    path = f"/app/models/{made.id}/configuration"
    data = {
        "baseUrl": "https://api.openai.com/v1",
        "apiKeyPool": "",
        "extraHeaders": "x-a: <redacted>",
    }

    admin.post(path, data)
    row = fresh(orgs.acme, made.id).configuration
    assert row is not None
    assert (row.has_api_key, row.api_key_pool_size, len(row.extra_headers)) == (True, 1, 1)

    admin.post(path, {**data, "extraHeaders": "", "clearsPool": "true"})
    row = fresh(orgs.acme, made.id).configuration
    assert row is not None
    assert (row.api_key_pool_size, len(row.extra_headers)) == (0, 0)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"baseUrl": "http://10.0.0.1"}, "ALLOW_PRIVATE_UPSTREAMS"),
        ({"extraHeaders": "no colon"}, "must be Name: value"),
        ({"timeoutSecs": "soon"}, "must be a number"),
        ({"extraHeaders": "Host: evil"}, "cannot be set here"),
    ],
)
def test_a_refused_configuration_names_the_field_and_shows_no_key(
    admin: Browser, register: Registers, data: dict[str, str], complaint: str
) -> None:
    made = register("chatgpt/gpt-5")
    typed = {"baseUrl": "https://x.example", "apiKey": "canary", "idleTimeoutSecs": "17"}

    refused = admin.post(f"/app/models/{made.id}/configuration", {**typed, **data})

    assert refused.status_code == 422
    assert complaint in refused.text
    assert 'value="17"' in refused.text
    assert "canary" not in refused.text


def test_the_test_button_shows_what_came(
    admin: Browser, register: Registers, provider: Provider
) -> None:
    made = register("chatgpt/gpt-5", base_url=provider.url)
    provider.answers(answers.openai("OK"), answers.error(401, "Wrong key"))

    good = admin.post(f"/app/models/{made.id}/test", headers={"HX-Request": "true"})
    assert "It works" in good.text
    assert "<html" not in good.text
    bad = admin.post(f"/app/models/{made.id}/test")
    assert "Wrong key" in bad.text
    assert "<html" in bad.text


def test_names_are_changed(admin: Browser, register: Registers, orgs: Orgs) -> None:
    made = register("chatgpt/gpt-5")

    saved = admin.post(
        f"/app/models/{made.id}/names", {"alias": "Swift", "upstreamModel": "gpt-5-x"}
    )

    assert saved.status_code == 303, saved.text

    found = fresh(orgs.acme, made.id)
    assert (found.name, found.upstream_model) == ("Swift", "gpt-5-x")
    assert "price is not known" in admin.get(f"/app/models/{made.id}").text


def test_a_model_is_deleted_only_by_typing_its_name(
    admin: Browser, register: Registers, orgs: Orgs
) -> None:
    made = register("chatgpt/gpt-5")

    refused = admin.post(f"/app/models/{made.id}/delete", {"confirm": "gpt"})
    assert refused.status_code == 422
    assert registrations.find(orgs.acme).items

    deleted = admin.post(f"/app/models/{made.id}/delete", {"confirm": "GPT-5"})
    assert deleted.status_code == 303
    assert not registrations.find(orgs.acme).items


@pytest.mark.parametrize("path", ["", "/names", "/configuration", "/test", "/delete"])
def test_another_organizations_model_has_no_page(
    browser_as: BrowserAs, register: Registers, path: str
) -> None:
    made = register("dummy")
    stranger = browser_as("stranger")

    address = f"/app/models/{made.id}{path}"
    answer = stranger.post(address) if path else stranger.get(address)

    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["", "/catalog", "/new?key=dummy"])
def test_only_admins_see_them(browser_as: BrowserAs, path: str) -> None:
    assert browser_as("member").get(f"/app/models{path}").status_code == 403
    assert browser_as(None).get(f"/app/models{path}").status_code == 302
