"""Calls to a provider: what is sent, what comes back, and every way in which it can go wrong."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.upstream import Response, Timeouts, Upstream
from tests import answers
from tests.answers import refused_url
from tests.upstreams import Answer, Provider

LOOPBACK = AddressRules(("127.0.0.0/8",))
PATIENT = Timeouts()
HELLO = {"model": "gpt-4o"}
TWO_BYTES = answers.head(200, {"content-length": "2"})
STALLED = answers.sse(["one"], ending="stall")
DRIPPED_HEAD = answers.raw(b"HTTP/1.1 200 OK\r\nx: ", *[b"x"] * 9999, delay_s=0.02)
DRIPPED_BODY = answers.raw(
    answers.head(200, {"content-length": "9999"}), *[b"x"] * 9999, delay_s=0.02
)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    gc.freeze()  # the search at the end goes through what this test made, and no more
    client = Upstream(LOOPBACK, max_response_bytes=200_000)
    yield client
    client.close()
    gc.collect()  # a socket that was not closed warns now, and a warning fails the test


def call(
    upstream: Upstream,
    url: str,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    body: bytes = b'{"model":"gpt-4o"}',
    timeouts: Timeouts = PATIENT,
    cancellation: Cancellation | None = None,
) -> Response:
    given = {"Content-Type": "application/json"} if headers is None else headers
    return upstream.open(method, url, given, body, timeouts, cancellation or Cancellation())


def failure(act: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        act()
    return caught.value


def test_sends_the_request_and_reads_the_answer(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.json({"a": 1}, 201, {"X-Request-Id": "7", "Set-Cookie": "a"}))

    response = call(upstream, f"{provider.url}/v1/chat?x=1", headers={"Authorization": "Bearer k"})

    assert (response.status, response.read()) == (201, b'{"a":1}')
    assert response.headers["x-request-id"] == "7"
    request = provider.requests[0]
    assert (request.method, request.path, request.json) == ("POST", "/v1/chat?x=1", HELLO)
    assert request.headers == {
        "host": f"127.0.0.1:{provider.port}",
        "accept-encoding": "identity",
        "content-length": "18",
        "authorization": "Bearer k",
    }


def test_uses_a_connection_again(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.json({"a": 1}), answers.sse(["one"]), answers.json({"a": 3}))

    bodies = [call(upstream, provider.url).read() for _ in range(3)]

    assert bodies == [b'{"a":1}', b"data: one\n\n", b'{"a":3}']
    assert len(provider.connections) == 1


def test_sends_a_large_body_whole(provider: Provider, upstream: Upstream) -> None:
    provider.always(lambda request: answers.json(len(request.body)))

    length = call(upstream, provider.url, body=b"x" * 5_000_000).read()

    assert length == b"5000000"


def test_keeps_no_connection_that_the_provider_ends(provider: Provider, upstream: Upstream) -> None:
    provider.always(answers.json({}, headers={"connection": "close"}))

    for _ in range(2):
        call(upstream, provider.url).read()

    assert len(provider.connections) == 2


def test_keeps_no_connection_on_which_more_came(provider: Provider, upstream: Upstream) -> None:
    surplus = TWO_BYTES + b"{}HTTP/1.1 200 OK\r\n"
    provider.answers(answers.raw(surplus, close=False), answers.json({"a": 2}))

    bodies = [call(upstream, provider.url).read() for _ in range(2)]

    assert bodies == [b"{}", b'{"a":2}']
    assert len(provider.connections) == 2


def test_an_answer_to_nothing_is_not_taken_for_the_next(
    provider: Provider, upstream: Upstream
) -> None:
    idle_too_long = answers.head(408, {"content-length": "0", "connection": "close"})
    first = answers.raw(TWO_BYTES + b"{}", idle_too_long, delay_s=0.05)
    provider.answers(first, answers.json({"a": 2}))
    call(upstream, provider.url).read()
    provider.connections[0].ended.wait(5)

    response = call(upstream, provider.url)

    assert (response.status, response.read()) == (200, b'{"a":2}')


def test_a_connection_that_was_closed_while_idle_is_not_used(
    provider: Provider, upstream: Upstream
) -> None:
    provider.answers(answers.body(b"{}", close=True), answers.json({"a": 2}))
    call(upstream, provider.url).read()
    provider.connections[0].ended.wait(5)

    body = call(upstream, provider.url).read()

    assert body == b'{"a":2}'
    assert len(provider.requests) == 2


def test_repeats_once_when_a_kept_connection_dies_unanswered(
    provider: Provider, upstream: Upstream
) -> None:
    provider.answers(answers.json({}), answers.reset(), answers.json({"a": 2}))
    call(upstream, provider.url).read()

    body = call(upstream, provider.url).read()

    assert body == b'{"a":2}'
    assert len(provider.connections) == 2


def test_repeats_no_more_than_once(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.json({}), answers.reset(), answers.reset(), answers.json({}))
    call(upstream, provider.url).read()

    error = failure(lambda: call(upstream, provider.url))

    assert error.kind == "connection"
    assert len(provider.requests) == 3


def test_repeats_nothing_after_the_first_byte(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.json({}), answers.raw(b"HTTP/1.1 200 O"), answers.json({}))
    call(upstream, provider.url).read()

    error = failure(lambda: call(upstream, provider.url))

    assert error.kind == "connection"
    assert len(provider.requests) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (answers.raw(), "connection", "without an answer"),
        (answers.raw(b"SSH-2.0-OpenSSH\r\n"), "bad_answer", "not HTTP"),
        (answers.raw(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 200_000), "bad_answer", "many headers"),
        (answers.truncated({"a": 1}), "incomplete", "middle of its answer"),
        (answers.sse(["one"], ending="cut"), "incomplete", "middle of its answer"),
        (answers.sse(["one"], ending="malformed"), "bad_answer", "not HTTP"),
        (answers.oversized(300_000), "bad_answer", "more than 200000 bytes"),
        (answers.body(b"a" * 200_001), "bad_answer", "more than 200000 bytes"),
    ],
)
def test_names_what_went_wrong(
    provider: Provider, upstream: Upstream, answer: Answer, kind: str, text: str
) -> None:
    provider.answers(answer)

    error = failure(lambda: call(upstream, provider.url).read())

    assert (error.kind, error.retryable) == (kind, True)
    assert text in error.message
    assert provider.wait_closed()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(answers.reset(), "connection"), (answers.sse(["one"], ending="reset"), "incomplete")],
)
def test_names_a_reset(provider: Provider, upstream: Upstream, answer: Answer, kind: str) -> None:
    provider.answers(answer)

    error = failure(lambda: call(upstream, provider.url).read())

    assert error.kind == kind
    assert len(provider.requests) == 1


def test_a_closed_port_is_a_refused_connection(upstream: Upstream) -> None:
    error = failure(lambda: call(upstream, refused_url()))

    assert (error.kind, error.status) == ("connection", 502)
    assert error.message == "127.0.0.1 refused the connection."


@pytest.mark.parametrize(
    ("answer", "timeouts", "text"),
    [
        (answers.silent(), Timeouts(first_byte=0.3), "did not begin to answer in time."),
        (DRIPPED_HEAD, Timeouts(first_byte=0.3), "did not begin to answer in time."),
        (STALLED, Timeouts(idle=0.3), "fell silent in the middle of its answer."),
        (STALLED, Timeouts(total=0.5), "did not finish its answer in time."),
        (DRIPPED_BODY, Timeouts(total=0.5), "did not finish its answer in time."),
    ],
)
def test_waits_no_longer_than_it_may(
    provider: Provider, upstream: Upstream, answer: Answer, timeouts: Timeouts, text: str
) -> None:
    provider.answers(answer)

    error = failure(lambda: call(upstream, provider.url, timeouts=timeouts).read())

    assert (error.kind, error.status) == ("timeout", 504)
    assert error.message == f"127.0.0.1 {text}"
    assert provider.wait_closed()


@pytest.mark.parametrize(
    ("blocks", "body"),
    [
        ([b"HTTP/1.1 200 OK\r\n\r\nto the ", b"end"], b"to the end"),
        ([b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}"], b"{}"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", TWO_BYTES, b"{}"], b"{}"),
        ([b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + answers.head(204, {})], b""),
        ([answers.head(304, {"content-length": "5"})], b""),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", b"\r\n{", b"}"], b"{}"),
    ],
)  # fmt: skip
def test_reads_every_kind_of_body(
    provider: Provider, upstream: Upstream, blocks: list[bytes], body: bytes
) -> None:
    provider.answers(answers.raw(*blocks, delay_s=0.01))

    response = call(upstream, provider.url)

    assert response.read() == body
    assert "link" not in response.headers


def test_joins_repeated_headers(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.raw(b"HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\ncontent-length: 0\r\n\r\n"))

    assert call(upstream, provider.url).headers["a"] == "1, 2"


def test_refuses_addresses_inside_lesson_c(provider: Provider) -> None:
    error = failure(lambda: call(Upstream(AddressRules(())), provider.url))

    assert (error.kind, error.status, error.retryable) == ("permission", 502, False)
    assert "ALLOW_PRIVATE_UPSTREAMS" in error.message
    assert provider.connections == []


def test_an_unread_answer_is_not_kept(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.openai_stream("a", "b", ending="stall"))

    with call(upstream, provider.url) as response:
        next(response.events())
    response.close()

    assert provider.wait_closed()


def test_cancelling_ends_a_silent_call(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.silent())
    cancellation = Cancellation()

    def cancel() -> None:
        provider.wait_request()
        cancellation.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()

    error = failure(lambda: call(upstream, provider.url, cancellation=cancellation))

    canceller.join()
    assert (error.kind, error.status) == ("cancelled", 499)
    assert provider.wait_closed()


@pytest.mark.parametrize("way", ["cancel", "close"])
def test_a_stalled_stream_can_be_ended_from_outside(
    provider: Provider, upstream: Upstream, way: str
) -> None:
    provider.answers(answers.sse(["one"], ending="stall"))
    cancellation = Cancellation()
    response = call(upstream, provider.url, cancellation=cancellation)
    events = response.events()
    first = next(events)
    end = cancellation.cancel if way == "cancel" else response.close
    ender = threading.Timer(0.1, end)
    ender.start()

    error = failure(lambda: next(events))

    ender.join()
    assert (first, error.kind) == (b"data: one\n\n", "cancelled")
    assert provider.wait_closed()


def test_a_call_that_was_given_up_before_is_not_made(
    provider: Provider, upstream: Upstream
) -> None:
    cancellation = Cancellation()
    cancellation.cancel()

    error = failure(lambda: call(upstream, provider.url, cancellation=cancellation))

    assert error.kind == "cancelled"
    assert provider.requests == []


def test_an_ended_call_leaves_nothing_to_cancel(provider: Provider, upstream: Upstream) -> None:
    provider.always(answers.json({}))
    cancellation = Cancellation()
    call(upstream, provider.url, cancellation=cancellation).read()

    cancellation.cancel()

    call(upstream, provider.url).read()
    assert len(provider.connections) == 1
