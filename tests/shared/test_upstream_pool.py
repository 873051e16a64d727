"""Connections are limited for each origin, handed on, and closed when nobody needs them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hyperstrate.shared import upstream_pool
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.upstream import Timeouts, Upstream
from tests import answers
from tests.shared.test_upstream import LOOPBACK, call, failure
from tests.upstreams import Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    client = Upstream(LOOPBACK, max_connections_per_origin=1)
    yield client
    client.close()


def test_a_call_waits_for_a_place_and_takes_the_kept_connection(
    provider: Provider, upstream: Upstream
) -> None:
    provider.answers(answers.silent(answers.json({"a": 1})), answers.json({"a": 2}))
    bodies: list[bytes] = []
    waiting = [
        threading.Thread(target=lambda: bodies.append(_read(upstream, provider))) for _ in range(2)
    ]
    for thread in waiting:
        thread.start()
    provider.wait_request()

    provider.release()

    for thread in waiting:
        thread.join(10)
    assert sorted(bodies) == [b'{"a":1}', b'{"a":2}']
    assert len(provider.connections) == 1


def test_a_call_that_finds_no_place_in_time_fails(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.sse(["one"], ending="stall"))
    held = call(upstream, provider.url)

    error = failure(lambda: call(upstream, provider.url, timeouts=Timeouts(connect=0.1)))

    held.close()
    assert (error.kind, error.message) == ("timeout", "Too many calls to 127.0.0.1 at once.")


def test_a_failed_call_gives_its_place_back(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.reset(), answers.sse(["one"], ending="cut"), answers.json({}))

    failures = [failure(lambda: call(upstream, provider.url).read()) for _ in range(2)]

    assert [error.kind for error in failures] == ["connection", "incomplete"]
    assert call(upstream, provider.url).read() == b"{}"


def test_a_refused_connection_gives_its_place_back(upstream: Upstream) -> None:
    url = answers.refused_url()

    kinds = {failure(lambda: call(upstream, url)).kind for _ in range(3)}

    assert kinds == {"connection"}


def test_cancelling_ends_the_wait_for_a_place(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.sse(["one"], ending="stall"))
    held = call(upstream, provider.url)
    cancellation = Cancellation()
    canceller = threading.Timer(0.1, cancellation.cancel)
    canceller.start()

    error = failure(lambda: call(upstream, provider.url, cancellation=cancellation))

    canceller.join()
    held.close()
    assert error.kind == "cancelled"


def test_the_last_used_connection_is_used_first(provider: Provider) -> None:
    provider.always(answers.json({}))
    upstream = Upstream(LOOPBACK)
    first, second = call(upstream, provider.url), call(upstream, provider.url)
    both = {request.connection for request in provider.requests}
    for response in (second, first):
        response.read()

    call(upstream, provider.url).read()

    assert provider.requests[2].connection in both
    assert len(provider.connections) == len(both)
    upstream.close()


def test_idle_connections_are_closed_after_a_while(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(upstream_pool, "monotonic", lambda: clock[0])
    provider.always(answers.json({}))
    upstream = Upstream(LOOPBACK)
    call(upstream, provider.url).read()

    clock[0] += 60
    with Provider() as other:
        other.always(answers.json({}))
        call(upstream, other.url).read()

        assert provider.wait_closed(0)
        upstream.close()


def test_closing_closes_what_is_idle(provider: Provider, upstream: Upstream) -> None:
    provider.always(answers.json({}))
    call(upstream, provider.url).read()

    upstream.close()

    assert provider.wait_closed()
    assert call(upstream, provider.url).read() == b"{}"


def _read(upstream: Upstream, provider: Provider) -> bytes:
    return call(upstream, provider.url).read()
