"""Identity providers are asked with patience that ends, and answers are remembered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hyperstrate.auth.sso.web import ProviderFailed, Web
from hyperstrate.shared.addresses import AddressRules
from tests import answers
from tests.upstreams import Answer, Provider

LOOPBACK = AddressRules(("127.0.0.0/8",))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def web(clock: Clock) -> Iterator[Web]:
    made = Web(LOOPBACK, timeout_s=0.5, clock=clock)
    yield made
    made.close()


def test_a_document_is_fetched_once_an_hour(web: Web, clock: Clock) -> None:
    with Provider() as provider:
        provider.always(answers.json({"a": 1}))

        found = [web.document(provider.url), web.document(provider.url)]
        clock.now += 3601
        web.document(provider.url)

        assert found == [{"a": 1}] * 2
        assert len(provider.requests) == 2


def test_a_fresh_one_is_fetched_again_but_not_at_once(web: Web, clock: Clock) -> None:
    with Provider() as provider:
        provider.always(answers.json({"a": 1}))
        web.document(provider.url)

        web.document(provider.url, is_fresh=True)
        clock.now += 6
        web.document(provider.url, is_fresh=True)

        assert len(provider.requests) == 2


def test_a_failure_is_remembered_for_a_moment(web: Web, clock: Clock) -> None:
    with Provider() as provider:
        provider.answers(answers.html(500))
        provider.always(answers.json({}))

        for _ in range(3):
            with pytest.raises(ProviderFailed, match="answered 500"):
                web.document(provider.url)
        clock.now += 6

        assert web.document(provider.url) == {}
        assert len(provider.requests) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (answers.html(), "not answer with JSON"),
        (answers.json([1]), "no|JSON object"),
        (answers.json({}, 302, {"location": "http://169.254.169.254/"}), "answered 302"),
        (answers.body(b" " * (2**20 + 1)), "more than 1048576 bytes"),
        (answers.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"), "could not be asked"),
    ],
)
def test_nonsense_is_told(web: Web, answer: Answer, why: str) -> None:
    with Provider() as provider:
        provider.always(answer)

        with pytest.raises(ProviderFailed, match=why):
            web.json(provider.url)


def test_a_silent_provider_is_given_up(web: Web) -> None:
    with Provider() as provider:
        provider.always(answers.silent())

        with pytest.raises(ProviderFailed, match="could not be asked"):
            web.json(provider.url)


def test_addresses_inside_are_refused() -> None:
    web = Web(AddressRules(()), timeout_s=0.5)

    with Provider() as provider, pytest.raises(ProviderFailed, match="ALLOW_PRIVATE_UPSTREAMS"):
        web.json(provider.url)

    assert provider.connections == []
    web.close()
