"""What a caller gives can become one header each, and never the framing or a second request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hyperstrate.shared.upstream import Upstream
from tests import answers
from tests.shared.test_upstream import LOOPBACK, call, failure
from tests.upstreams import Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    client = Upstream(LOOPBACK)
    yield client
    client.close()


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("/v1\r\nx: y", {}),
        ("/v1\x00", {}),
        ("/v1 HTTP/1.1", {}),
        ("/v1", {"x": "a\r\nb: c"}),
        ("/v1", {"x": "a\nb: c"}),
        ("/v1", {"x": "a\rb"}),
        ("/v1", {"x": "a\x00"}),
        ("/v1", {"x": "\u4f60"}),
        ("/v1", {"x\r\ny": "a"}),
        ("/v1", {"x:": "a"}),
        ("/v1", {"x y": "a"}),
        ("/v1", {"": "a"}),
    ],
)
def test_refuses_to_send_what_is_no_header(
    provider: Provider, upstream: Upstream, url: str, headers: dict[str, str]
) -> None:
    error = failure(lambda: call(upstream, provider.url + url, headers=headers))

    assert (error.kind, error.retryable) == ("bad_request", False)
    assert provider.requests == []


def test_the_framing_is_ours(provider: Provider, upstream: Upstream) -> None:
    provider.answers(answers.json({}))
    given = {"Content-Length": "1", "Transfer-Encoding": "chunked", "Host": "a", "Connection": "x"}

    call(upstream, provider.url, headers=given).read()

    headers = provider.requests[0].headers
    assert headers["host"] == f"127.0.0.1:{provider.port}"
    assert headers["content-length"] == "18"
    assert not {"transfer-encoding", "connection"} & set(headers)


def test_messages_tell_nothing_of_the_url(upstream: Upstream) -> None:
    error = failure(lambda: call(upstream, f"{answers.refused_url()}/v1?key=secret"))

    assert "secret" not in error.message
    assert "secret" not in failure(lambda: call(upstream, "http://me:secret@a/")).message
