"""Calls off the request path: the same refusal, no redirects, no endless answers."""

from __future__ import annotations

import pytest

from hyperstrate.shared import http
from hyperstrate.shared.addresses import AddressRules
from tests import answers
from tests.upstreams import Answer, Provider

LOOPBACK = AddressRules(("127.0.0.0/8",))


def test_calls_what_may_be_called() -> None:
    with Provider() as provider, http.client(LOOPBACK) as client:
        provider.always(answers.json({"models": []}))

        first = client.get(f"{provider.url}/api/tags")
        second = client.post(f"{provider.url}/hook", json={"a": 1})

        assert (first.json(), second.status_code) == ({"models": []}, 200)
        assert provider.requests[1].json == {"a": 1}
        assert len(provider.connections) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::1]"])
def test_refuses_addresses_inside_when_it_connects_lesson_c(host: str) -> None:
    with Provider() as provider, http.client(AddressRules(())) as client:
        with pytest.raises(http.HTTPError, match="ALLOW_PRIVATE_UPSTREAMS"):
            client.get(f"http://{host}:{provider.port}/")

        assert provider.connections == []


def test_follows_no_redirect() -> None:
    with Provider() as provider, http.client(LOOPBACK) as client:
        provider.always(answers.json({}, 302, {"location": "http://169.254.169.254/"}))

        assert client.get(provider.url).status_code == 302


def test_a_redirect_that_is_followed_is_checked_too() -> None:
    with Provider() as provider, http.client(LOOPBACK) as client:
        provider.always(answers.json({}, 302, {"location": "http://169.254.169.254/"}))

        with pytest.raises(http.HTTPError, match="ALLOW_PRIVATE_UPSTREAMS"):
            client.get(provider.url, follow_redirects=True)


def test_asks_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", answers.refused_url())
    with Provider() as provider, http.client(LOOPBACK) as client:
        provider.always(answers.json({}))

        assert client.get(provider.url).status_code == 200


def test_reads_no_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 100_000)
    with Provider() as provider, http.client(LOOPBACK) as client:
        provider.always(answers.oversized(400_000))

        with pytest.raises(http.HTTPError, match="more than 100000 bytes"):
            client.get(provider.url)

        assert provider.wait_closed()


def test_waits_for_no_slow_drip() -> None:
    blocks = [answers.head(200, {"content-length": "9999"}), *[b"x"] * 9999]
    with Provider() as provider, http.client(LOOPBACK, timeout_s=1) as client:
        provider.always(answers.raw(*blocks, delay_s=0.02))

        with pytest.raises(http.HTTPError, match="did not end in time"):
            client.get(provider.url)


def test_takes_no_packed_answer() -> None:
    with Provider() as provider, http.client(LOOPBACK) as client:
        provider.always(answers.body(b"x", headers={"content-encoding": "gzip"}))

        with pytest.raises(http.HTTPError, match="compressed"):
            client.get(provider.url)

        assert provider.wait_closed()


@pytest.mark.parametrize("answer", [answers.silent(), answers.reset(), answers.raw()])
def test_a_broken_answer_is_an_http_error(answer: Answer) -> None:
    with Provider() as provider, http.client(LOOPBACK, timeout_s=1) as client:
        provider.always(answer)

        with pytest.raises(http.HTTPError):
            client.get(provider.url)
