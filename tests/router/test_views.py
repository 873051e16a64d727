"""The inference paths behind Flask: for browsers that are signed in, and for who brings nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.people import Browser, Part
from tests.router import building

ClientAs = Callable[[Part | None], FlaskClient]
BrowserAs = Callable[[Part | None], Browser]
HELLO = {"model": "support", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9}
NATIVE = {"fields": {"prompt": "Hello"}}


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

    assert browser_as("admin").client.post(path, json=body).status_code == 200
    assert browser_as("member").client.post(path, json=body).status_code == 200
    assert browser_as("stranger").client.post(path, json=body).status_code == 404


def test_a_browser_may_read_a_stream(browser_as: BrowserAs, router_id: str) -> None:
    answer = browser_as("admin").client.post(f"/router/{router_id}/infer/stream", json=NATIVE)

    assert answer.status_code == 200
    assert answer.mimetype == "text/event-stream"
    assert b'"done":true' in answer.data
    assert answer.headers["x-hyperstrate-router"] == router_id


@pytest.mark.parametrize(
    "path", ["/v1/models", "/router/{id}/v1/models", "/proxy/router/{id}/models"]
)
def test_a_browser_may_list_models(browser_as: BrowserAs, router_id: str, path: str) -> None:
    answer = browser_as("admin").client.get(path.format(id=router_id))

    assert [entry["id"] for entry in answer.get_json()["data"]][0] == "support"


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
    browser = browser_as("stranger").client
    key = building.key(client_as("admin"))

    assert browser.post("/v1/chat/completions", json=HELLO).status_code == 404
    headers = {"x-api-key": key}
    assert browser.post("/v1/chat/completions", json=HELLO, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/proxy/router/{id}/v1/responses", "/proxy/ai/{id}/files"])
def test_another_end_is_a_404_that_names_the_known_ones(
    client_as: ClientAs, router_id: str, path: str
) -> None:
    answer = client_as("admin").post(path.format(id=router_id), json={})

    assert answer.status_code == 404
    assert "chat/completions" in answer.get_json()["error"]
