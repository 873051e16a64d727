"""The inference paths behind Flask: for browsers that are signed in, and for who brings nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.people import Browser, Part
from tests.router import building

ClientAs = Callable[[Part | None], FlaskClient]
BrowserAs = Callable[[Part | None], Browser]
HELLO = {"model": "support", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9}
NATIVE = {"fields": {"prompt": "Hello"}}


def post(browser: Browser, path: str, body: object, **headers: str) -> TestResponse:
    """As a script of one of our pages does it."""
    sent = {"X-CSRFToken": browser.csrf_token, **headers}
    return browser.client.post(path, json=body, headers=sent)


@pytest.fixture
def router_id(client_as: ClientAs) -> str:
    return building.active(client_as("admin"), "support")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/router/{id}/infer", NATIVE),
        ("/router/{id}/v1/messages", HELLO),
        ("/proxy/router/{id}/v1/chat/completions", HELLO),
        ("/v1/chat/completions", HELLO),
    ],
)
def test_a_browser_that_is_signed_in_may_call(
    browser_as: BrowserAs, router_id: str, path: str, body: dict[str, object]
) -> None:
    path = path.format(id=router_id)

    assert post(browser_as("admin"), path, body).status_code == 200
    assert post(browser_as("member"), path, body).status_code == 200
    assert post(browser_as("stranger"), path, body).status_code == 404


def test_a_page_of_somebody_else_cannot_call_with_the_cookie(
    browser_as: BrowserAs, router_id: str
) -> None:
    browser = browser_as("admin").client

    answer = browser.post(f"/router/{router_id}/infer", json=NATIVE)

    assert answer.status_code == 401


def test_a_browser_may_read_a_stream(browser_as: BrowserAs, router_id: str) -> None:
    answer = post(browser_as("admin"), f"/router/{router_id}/infer/stream", NATIVE)

    assert answer.status_code == 200
    assert answer.mimetype == "text/event-stream"
    assert b'"done":true' in answer.data
    assert answer.headers["x-hyperstrate-router"] == router_id


@pytest.mark.parametrize(
    "path", ["/v1/models", "/router/{id}/v1/models", "/proxy/router/{id}/models"]
)
def test_a_browser_may_list_models(browser_as: BrowserAs, router_id: str, path: str) -> None:
    answer = browser_as("admin").client.get(path.format(id=router_id))

    assert answer.get_json()["first_id"] == "support"


def test_who_brings_nothing_is_refused_in_the_dialect(client_as: ClientAs, router_id: str) -> None:
    nobody = client_as(None)

    openai = nobody.post(f"/router/{router_id}/v1/chat/completions", json=HELLO)
    anthropic = nobody.post("/v1/messages", json=HELLO)

    assert openai.status_code == anthropic.status_code == 401
    assert openai.get_json()["error"]["type"] == "authentication_error"
    assert anthropic.get_json()["type"] == "error"


def test_a_key_wins_over_the_cookie(
    browser_as: BrowserAs, client_as: ClientAs, router_id: str
) -> None:
    browser, key = browser_as("stranger"), building.key(client_as("admin"))
    path = "/v1/chat/completions"

    assert post(browser, path, HELLO).status_code == 404
    assert post(browser, path, HELLO, **{"x-api-key": key}).status_code == 200


@pytest.mark.parametrize("path", ["/proxy/router/{id}/v1/responses", "/proxy/ai/{id}/files"])
def test_another_end_is_a_404_that_names_the_known_ones(
    client_as: ClientAs, router_id: str, path: str
) -> None:
    answer = client_as("admin").post(path.format(id=router_id), json={})

    assert answer.status_code == 404
    assert "chat/completions" in answer.get_json()["error"]["message"]


@pytest.mark.parametrize("end", ["responses", "completions", "audio/speech", "messages/batches"])
@pytest.mark.parametrize("base", ["/v1", "/router/{id}/v1", "/proxy/router/{id}/v1"])
@pytest.mark.parametrize("is_anthropic", [True, False])
def test_what_sdks_ask_for_and_we_do_not_serve_is_a_404_in_their_dialect(
    client_as: ClientAs, router_id: str, base: str, end: str, is_anthropic: bool
) -> None:
    headers = {"anthropic-version": "2023-06-01"} if is_anthropic else {}

    answer = client_as("admin").post(f"{base.format(id=router_id)}/{end}", json={}, headers=headers)

    assert answer.status_code == 404
    said = answer.get_json()
    assert said.get("type") == ("error" if is_anthropic else None)
    assert "chat/completions, messages, embeddings, models" in said["error"]["message"]
