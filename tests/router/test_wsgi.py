"""Calls with a key are answered before Flask; everything else goes on to Flask."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, run_wsgi_app

from hyperstrate.router import routers
from hyperstrate.router.plan import Plans
from hyperstrate.router.proxy import Limits, Proxy
from hyperstrate.router.wsgi import Application, Environ, InferenceFirst, StartResponse
from tests.people import Part
from tests.router import building

ClientAs = Callable[[Part | None], FlaskClient]
HELLO = {"model": "support", "messages": [{"role": "user", "content": "Hello"}]}
MOST = 4000


class Behind:
    """What stands behind: notes the paths that reach it."""

    def __init__(self) -> None:
        self.reached: list[str] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.reached.append(environ["PATH_INFO"])
        start_response("204 No Content", [])
        return [b""]


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def skin(app: Flask, behind: Behind) -> Application:
    limits = Limits(max_body_bytes=MOST, max_messages=10)
    proxy = Proxy(routers.ports(), Plans(routers.ports()), limits)
    return InferenceFirst(behind, proxy, max_body_bytes=MOST)


@pytest.fixture
def key(client_as: ClientAs) -> str:
    """Opens the router ``support``."""
    admin = client_as("admin")
    return building.key(admin, building.active(admin, "support"))


def environ(path: str, key: str = "", body: Any = None, **options: Any) -> Environ:
    headers = {"X-Api-Key": key} if key else {}
    options = {"method": "POST", "json": body, "headers": headers, **options}
    return EnvironBuilder(path, **options).get_environ()


def test_a_call_with_a_key_does_not_reach_flask(
    skin: Application, behind: Behind, key: str
) -> None:
    blocks, status, headers = run_wsgi_app(skin, environ("/v1/chat/completions", key, HELLO))

    body = b"".join(blocks)
    assert status == "200 OK"
    assert headers["Content-Length"] == str(len(body))
    assert headers["x-hyperstrate-model"] == "dummy"
    assert behind.reached == []


@pytest.mark.parametrize("header", ["Bearer {key}", "bearer {key}"])
def test_a_bearer_token_is_a_key_too(skin: Application, key: str, header: str) -> None:
    headers = {"Authorization": header.format(key=key)}

    _, status, _ = run_wsgi_app(skin, environ("/v1/chat/completions", body=HELLO, headers=headers))

    assert status == "200 OK"


def test_what_brings_no_key_or_is_no_inference_path_goes_to_flask(
    skin: Application, behind: Behind, key: str
) -> None:
    run_wsgi_app(skin, environ("/v1/chat/completions", body=HELLO))
    run_wsgi_app(skin, environ("/v1/responses", key, HELLO))
    run_wsgi_app(skin, environ("/app/routers", key, method="GET"))

    assert behind.reached == ["/v1/chat/completions", "/v1/responses", "/app/routers"]


def test_a_stream_comes_in_blocks_and_is_closed(skin: Application, key: str) -> None:
    body = {**HELLO, "stream": True}

    blocks, status, headers = run_wsgi_app(skin, environ("/v1/chat/completions", key, body))

    assert status == "200 OK"
    assert "Content-Length" not in headers
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert b"".join(blocks).endswith(b"data: [DONE]\n\n")
    blocks.close()  # type: ignore[attr-defined]


class Counted(io.BytesIO):
    """A body that is longer than anybody should read."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


@pytest.mark.parametrize("length", ["100000", "", "nonsense", "-5"])
def test_of_a_body_that_is_too_large_no_more_is_read_than_shows_it(
    skin: Application, key: str, length: str
) -> None:
    given = environ("/v1/chat/completions", key, HELLO)
    body = Counted(b"x" * 100_000)
    given |= {"wsgi.input": body, "CONTENT_LENGTH": length, "wsgi.input_terminated": True}

    _, status, headers = run_wsgi_app(skin, given)

    assert status.startswith("413 ")
    assert headers["Connection"] == "close"
    assert body.taken == MOST + 1


def test_a_body_that_fits_is_read_by_its_length(skin: Application, key: str) -> None:
    given = environ("/v1/chat/completions", key, HELLO)
    given["wsgi.input"] = io.BytesIO(given["wsgi.input"].read() + b"the next request")

    _, status, headers = run_wsgi_app(skin, given)

    assert status == "200 OK"
    assert "Connection" not in headers


def test_without_a_length_there_is_no_body(skin: Application, key: str) -> None:
    given = environ("/v1/chat/completions", key, HELLO)
    del given["CONTENT_LENGTH"]

    _, status, _ = run_wsgi_app(skin, given)

    assert status == "400 Bad Request"


def test_a_refusal_has_its_status_line(skin: Application) -> None:
    _, status, headers = run_wsgi_app(skin, environ("/v1/messages", "hs_wrong", HELLO))

    assert status == "401 Unauthorized"
    assert headers["Content-Type"] == "application/json"
