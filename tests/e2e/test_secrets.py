"""No secret leaves the place where it belongs: canaries, looked for in everything that is written.

Field 36 and lesson d of the incidents: keys in logs, in spend rows, in what callers read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperstrate.shared.ids import new_id
from tests import answers
from tests.e2e.gateway import PASSWORD, Admin, Gateway, running
from tests.upstreams import Answer, Provider

PROVIDER_KEY = "sk-CanaryProviderKey0123456789"
OPAQUE_KEY = "0123456789canaryOpaqueKey"
HEADER = "canary-of-an-extra-header"
QUESTION = {"model": "any", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9}


@pytest.fixture(scope="module")
def own_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """An installation that nobody else writes to."""
    with running(tmp_path_factory.mktemp("secrets"), LOG_LEVEL="debug") as started:
        Admin(started).set_up()
        yield started


@pytest.fixture
def own_admin(own_gateway: Gateway) -> Admin:
    found = Admin(own_gateway)
    found.sign_in()
    return found


def echo(status: int, key: str) -> Answer:
    """A provider that repeats what it was given."""
    return answers.error(status, f"Incorrect API key provided: {key}, header {HEADER}")


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the installation but the one that is meant to hold its secrets."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "development.env":
            yield path.name, path.read_bytes()


def faults(key: str) -> list[Answer]:
    said = f"{HEADER} Authorization: Bearer {key}"
    return [
        echo(401, key),
        echo(500, key),
        answers.html(502),
        answers.body(f"<p>{said}</p>".encode(), headers={"content-type": "text/html"}),
        answers.body(f"not JSON: {said}".encode()),
        answers.body(json.dumps({"error": said}).encode(), 403),
        answers.sse([{"type": "error", "error": {"type": "api_error", "message": said}}]),
        answers.reset(),
    ]


@pytest.mark.parametrize("definition", ["chatgpt/gpt-5", "anthropic/claude-sonnet-4-5"])
@pytest.mark.parametrize("key", [PROVIDER_KEY, OPAQUE_KEY])
@pytest.mark.parametrize("path", ["chat/completions", "messages"])
def test_a_key_is_written_nowhere_and_told_to_nobody(
    own_gateway: Gateway, own_admin: Admin, provider: Provider, definition: str, key: str, path: str
) -> None:
    model = own_admin.model(
        definition, baseUrl=provider.url, apiKey=key, extraHeaders={"X-Extra": HEADER}
    )
    client_key = own_admin.key(own_admin.router(new_id("test"), model))
    read: list[bytes] = []

    for answer in faults(key):
        for stream in (False, True):
            provider.answers(answer)
            reply = own_gateway.request(
                "POST", f"/v1/{path}", {**QUESTION, "stream": stream}, {"x-api-key": client_key}
            )
            read.append(repr(reply).encode())
    wrong = f"{client_key[:-4]}0000"
    read.append(
        repr(own_gateway.request("GET", "/v1/models", headers={"x-api-key": wrong})).encode()
    )
    own_gateway.drain()

    assert provider.wait_request().headers["x-extra"] == HEADER
    sinks = [*written(own_gateway.folder), *(("answer", each) for each in read)]
    for secret in (key, HEADER, client_key, wrong, PASSWORD):
        found = {name for name, content in sinks if secret.encode() in content}
        assert found == set(), secret
    assert own_gateway.rows("SELECT count(*) FROM inference_logs")[0][0] >= len(read) - 1


def test_the_audit_of_a_configuration_shows_no_secret(
    own_gateway: Gateway, own_admin: Admin, provider: Provider
) -> None:
    """Also of one that was refused."""
    model = own_admin.model()
    headers = {"Authorization": f"Bearer {own_admin.token}"}
    body = {
        "baseUrl": "http://169.254.169.254/",
        "apiKey": PROVIDER_KEY,
        "apiKeyPool": [OPAQUE_KEY],
    }

    status, _, refused = own_gateway.request(
        "PUT", f"/ai/models/{model}/configuration", body, headers
    )

    assert status == 400
    sinks = [*written(own_gateway.folder), ("answer", refused)]
    for secret in (PROVIDER_KEY, OPAQUE_KEY, own_admin.token):
        assert {name for name, content in sinks if secret.encode() in content} == set()
