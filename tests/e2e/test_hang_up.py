"""Clients that hang up: the provider is left at once, and what was used until then is known.

Complaints 2, 3 and 17 of the field: no spend row after a disconnect, costs lost when a stream
breaks off, providers that go on generating for nobody.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import answers
from tests.e2e.gateway import Admin, Gateway
from tests.upstreams import Answer, Connection, Provider

AT_ONCE_S = 2.0
OPENAI, ANTHROPIC = "/v1/chat/completions", "/v1/messages"
ASK = [{"role": "user", "content": "Tell me a long story about a gateway"}]


class Client:
    """A client that hangs up in the middle of things."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self._sock = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
        self._key = key

    def post(
        self, path: str, body: dict[str, Any], session: str, *, in_pieces: bool = False
    ) -> None:
        """Send a request; ``in_pieces``: its body comes a moment after its head."""
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {self._key}\r\n"
            f"X-Session-Id: {session}\r\nContent-Length: {len(content)}\r\n"
            "Expect: 100-continue\r\n\r\n"
        ).encode()
        if not in_pieces:
            self._sock.sendall(head.replace(b"Expect: 100-continue\r\n", b"") + content)
            return
        self._sock.sendall(head)
        self.read_until(b"100 Continue\r\n\r\n")
        self._sock.sendall(content[:10])
        self._sock.sendall(content[10:])

    def read_until(self, word: bytes) -> bytes:
        found = b""
        while word not in found:
            block = self._sock.recv(65536)
            assert block, found
            found += block
        return found

    def hang_up(self) -> None:
        """Close, as a client does that was told to stop."""
        self._sock.close()

    def crash(self) -> None:
        """Close with a RST, as a system does for a process that died."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()


Leave = Callable[[Client], None]


@pytest.fixture(params=[Client.hang_up, Client.crash], ids=["hangs up", "crashes"])
def leave(request: pytest.FixtureRequest) -> Leave:
    found: Leave = request.param
    return found


@pytest.fixture(scope="module")
def upstream() -> Iterator[Provider]:
    """The provider of all the tests here: a connection that is kept must not disturb either."""
    with Provider() as started:
        yield started


@pytest.fixture(scope="module")
def key(admin: Admin, upstream: Provider) -> str:
    model = admin.model("chatgpt/gpt-4o", baseUrl=f"{upstream.url}/v1", apiKey="k")
    return admin.key(admin.router("hang-up", model))


@pytest.fixture(scope="module")
def anthropic_key(admin: Admin, upstream: Provider) -> str:
    model = admin.model("anthropic/claude-sonnet-4-5", baseUrl=upstream.url, apiKey="k")
    return admin.key(admin.router("hang-up-anthropic", model))


def asked(upstream: Provider, *scripted: Answer) -> Callable[[], None]:
    """Script the next answers. Returns what waits until all of them were asked for."""
    before = len(upstream.requests)
    upstream.answers(*scripted)

    def wait() -> None:
        upstream.wait_request(before + len(scripted))

    return wait


def body(*, stream: bool = True) -> dict[str, Any]:
    return {"model": "any", "messages": ASK, "stream": stream, "max_tokens": 500}


def cancelled(admin: Admin, session: str) -> dict[str, Any]:
    """The one log of the request of ``session``; it names the client's going."""
    log = admin.log_of_session(session)
    assert (log["status"], log["errorCode"], log["httpStatus"]) == ("error", "cancelled", 499)
    return log


def test_in_mid_stream_the_words_so_far_are_paid_for_complaints_2_and_3(
    gateway: Gateway, admin: Admin, upstream: Provider, key: str, leave: Leave
) -> None:
    session = f"mid-stream {leave.__name__}"
    begin = answers.openai_events("Once upon ", "a time")[:-3]
    asked(upstream, answers.sse(begin, ending="stall"))
    client = Client(gateway, key)
    client.post(OPENAI, body(), session)
    client.read_until(b"a time")

    leave(client)

    assert upstream.wait_closed(timeout=AT_ONCE_S)
    log = cancelled(admin, session)
    assert log["inputTokens"] > 5
    assert 3 <= log["outputTokens"] <= 6
    assert log["usageIsEstimated"]
    assert float(log["costUsd"]) > 0
    assert [attempt["errorCode"] for attempt in log["attempts"]] == ["cancelled"]
    assert log["modelDefKey"] == "chatgpt/gpt-4o"


def test_words_count_though_the_provider_named_only_its_first_token(
    gateway: Gateway, admin: Admin, upstream: Provider, anthropic_key: str
) -> None:
    """Anthropic says what came in at the start, and what went out only at the end."""
    words = [f"word{number} " for number in range(40)]
    asked(upstream, answers.sse(answers.anthropic_events(*words)[:-3], ending="stall"))
    client = Client(gateway, anthropic_key)
    client.post(ANTHROPIC, body(), "first-token")
    client.read_until(b"word39")

    client.hang_up()

    assert upstream.wait_closed(timeout=AT_ONCE_S)
    log = cancelled(admin, "first-token")
    assert log["inputTokens"] == 10
    assert log["outputTokens"] >= 40
    assert log["usageIsEstimated"]


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC])
def test_before_the_first_chunk_the_provider_is_left_complaint_17(
    gateway: Gateway, admin: Admin, upstream: Provider, key: str, leave: Leave, path: str
) -> None:
    session = f"preamble {path} {leave.__name__}"
    wait = asked(upstream, answers.sse(answers.openai_events()[:1], ending="stall"))
    client = Client(gateway, key)
    client.post(path, body(), session)
    wait()

    leave(client)

    assert upstream.wait_closed(timeout=AT_ONCE_S)
    log = cancelled(admin, session)
    assert log["inputTokens"] > 5
    assert log["outputTokens"] == 0


def test_what_the_provider_said_before_the_first_word_is_paid_for(
    gateway: Gateway, admin: Admin, upstream: Provider, anthropic_key: str
) -> None:
    wait = asked(upstream, answers.sse(answers.anthropic_events()[:3], ending="stall"))
    client = Client(gateway, anthropic_key)
    client.post(ANTHROPIC, body(), "message-start")
    wait()
    client.hang_up()

    assert upstream.wait_closed(timeout=AT_ONCE_S)
    assert cancelled(admin, "message-start")["inputTokens"] > 0


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "in pieces"])
def test_a_silent_provider_is_left_complaint_17(
    gateway: Gateway,
    admin: Admin,
    upstream: Provider,
    key: str,
    leave: Leave,
    stream: bool,
    in_pieces: bool,
) -> None:
    session = f"silent {stream} {in_pieces} {leave.__name__}"
    wait = asked(upstream, answers.silent())
    client = Client(gateway, key)
    client.post(OPENAI, body(stream=stream), session, in_pieces=in_pieces)
    wait()

    leave(client)

    assert upstream.wait_closed(timeout=AT_ONCE_S)
    log = cancelled(admin, session)
    assert log["inputTokens"] > 5
    assert log["outputTokens"] == 0
    assert log["usageIsEstimated"]
    assert log["isStream"] is stream


def test_in_the_middle_of_a_whole_answer_the_provider_is_left(
    gateway: Gateway, admin: Admin, upstream: Provider, key: str, leave: Leave
) -> None:
    session = f"half {leave.__name__}"
    head = answers.head(200, {"content-type": "application/json", "content-length": "1000"})

    def half(connection: Connection) -> None:
        connection.send(head + b'{"id": "chatcmpl-1", ')
        connection.pause(None)

    wait = asked(upstream, Answer(half))
    client = Client(gateway, key)
    client.post(OPENAI, body(stream=False), session)
    wait()

    leave(client)

    assert upstream.wait_closed(timeout=AT_ONCE_S)
    assert cancelled(admin, session)["inputTokens"] > 5


def test_on_a_kept_connection_too(
    gateway: Gateway, admin: Admin, upstream: Provider, key: str
) -> None:
    asked(upstream, answers.openai("Hello"))
    client = Client(gateway, key)
    client.post(OPENAI, body(stream=False), "kept first")
    client.read_until(b'"total_tokens":12}}')
    wait = asked(upstream, answers.silent())
    client.post(OPENAI, body(stream=False), "kept second")
    wait()

    client.hang_up()

    assert upstream.wait_closed(timeout=AT_ONCE_S)
    cancelled(admin, "kept second")
    assert admin.log_of_session("kept first")["status"] == "success"


def test_nobody_is_called_again_for_a_client_that_went_while_a_retry_waited(
    gateway: Gateway, admin: Admin, upstream: Provider
) -> None:
    model = admin.model("chatgpt/gpt-4o", baseUrl=f"{upstream.url}/v1", apiKey="k")
    router = admin.router("hang-up-retry", model, retry={"max_retries": 3})
    wait = asked(upstream, answers.rate_limited(15))
    client = Client(gateway, admin.key(router))
    client.post(OPENAI, body(), "waiting")
    wait()

    client.hang_up()

    log = cancelled(admin, "waiting")
    assert log["latencyMs"] < 10_000
    assert len(log["attempts"]) == 1


def test_the_server_goes_on(gateway: Gateway, upstream: Provider, key: str) -> None:
    clients = [Client(gateway, key) for _ in range(20)]
    wait = asked(upstream, *[answers.silent()] * len(clients))
    for client in clients:
        client.post(OPENAI, body(), "many")
    wait()
    for client in clients:
        client.crash()
    closed = [upstream.wait_closed(-1 - number) for number in range(len(clients))]

    asked(upstream, answers.openai("Still here"))
    status, _, answer = gateway.request(
        "POST", OPENAI, body(stream=False), {"Authorization": f"Bearer {key}"}
    )

    assert all(closed)
    assert status == 200
    assert b"Still here" in answer
