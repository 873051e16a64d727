"""The provider fails before its first word: the client hears it in its own dialect, and the log.

Complaints 16, 17 and 26 of the field: a break that looks like an answer, silence without end, no
Retry-After.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import anthropic
import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests import answers
from tests.e2e.failing import (
    ASK,
    CLAUDE,
    DRIP_S,
    DRIPPING,
    GPT,
    HELLO,
    JSON_HEAD,
    OPENAI,
    PATHS,
    QUICK,
    drip,
    half_silent,
    key_of,
    model_at,
    refused,
)
from tests.e2e.gateway import Admin, Gateway
from tests.upstreams import Answer, Provider

WISHES = {"7": "7", "0.2": "1", "inf": None, "nan": None, "-3": None, "soon": None, "9" * 20: None}
ERROR_EVENT = {"error": {"message": "Inside", "type": "x", "code": 503}}
FAULTS: dict[str, tuple[Answer, int, str]] = {
    "reset": (answers.reset(), 502, "closed the connection"),
    "hung up": (answers.raw(), 502, "closed the connection"),
    "silent": (answers.silent(), 504, "in time"),
    "silent after its head": (half_silent(), 504, "silent"),
    "not HTTP": (answers.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), 502, "not HTTP"),
    "500": (answers.error(500, "Boom"), 500, "Boom"),
    "503": (answers.error(503, "Away"), 503, "Away"),
    "529": (answers.error(529, "Overloaded"), 529, "Overloaded"),
    "HTML with 200": (answers.html(), 502, "Bad gateway"),
    "HTML with 502": (answers.html(502), 502, "the provider answered 502"),
    "an empty body": (answers.body(b""), 502, ""),
    "truncated": (answers.truncated({"choices": []}), 502, ""),
    "too large": (
        answers.raw(answers.head(200, {**JSON_HEAD, "content-length": "9" * 12})),
        502,
        "",
    ),
    "a picture": (answers.body(b"\x89PNG\r\n", 200, {"content-type": "image/png"}), 502, ""),
    "a number": (answers.body(b"42"), 502, ""),
    "another API": (answers.json({"result": "Hello"}), 502, ""),
    "an error with 200": (answers.error(200, "Inside"), 502, "Inside"),
}
IN_STREAMS: dict[str, tuple[Answer, int, str]] = {
    "cut before a word": (answers.sse(HELLO[:1], ending="cut"), 502, "broke off"),
    "ended before a word": (answers.sse(HELLO[:1]), 502, ""),
    "nothing at all": (answers.sse([]), 502, ""),
    "only the end": (answers.sse([b"data: [DONE]\n\n"]), 502, ""),
    "silent before a word": (answers.sse(HELLO[:1], ending="stall"), 504, "silent"),
    "comments without end": (answers.sse([b": ping\n\n"] * 60, delay_s=DRIP_S), 504, "in time"),
    "broken framing": (answers.sse(HELLO[:1], ending="malformed"), 502, "not HTTP"),
    "broken JSON": (answers.sse([*HELLO[:1], b"data: {oops\n\n"]), 502, "JSON"),
    "an error event": (answers.sse([ERROR_EVENT]), 503, "Inside"),
}
IN_WHOLE: dict[str, tuple[Answer, int, str]] = {
    "drips": (
        drip(answers.head(200, {**JSON_HEAD, "content-length": "99"}), *[b" "] * 99),
        504,
        "",
    ),
    "never ends": (answers.oversized(65 * 2**20), 502, "more than"),
}
DRIPS = {"comments without end", "drips"}


@pytest.fixture
def second() -> Iterator[Provider]:
    """Another provider, for what the first one leaves undone."""
    with Provider() as started:
        yield started


def key_until(admin: Admin, provider: Provider, status: int, fault: str) -> str:
    """A key of a router with one target, which has little time where that is to run out."""
    little = DRIPPING if fault in DRIPS else QUICK
    timeouts = little if status == 504 else None
    return key_of(admin, model_at(admin, provider.url, timeouts=timeouts))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_provider_is_an_error_in_the_clients_dialect(
    gateway: Gateway, admin: Admin, provider: Provider, fault: str
) -> None:
    answer, status, words = FAULTS[fault]
    provider.always(answer)
    key = key_until(admin, provider, status, fault)
    for path, stream in product(PATHS, [False, True]):
        found = refused(gateway, admin, key, path, stream=stream)

        assert found.status == status
        assert words in found.message


@pytest.mark.parametrize("fault", IN_STREAMS)
def test_a_stream_that_breaks_before_its_first_word_is_an_error_complaint_16(
    gateway: Gateway, admin: Admin, provider: Provider, fault: str
) -> None:
    answer, status, words = IN_STREAMS[fault]
    provider.always(answer)
    key = key_until(admin, provider, status, fault)
    for path in PATHS:
        found = refused(gateway, admin, key, path, stream=True)

        assert found.status == status
        assert words in found.message


@pytest.mark.parametrize("fault", IN_WHOLE)
def test_a_whole_answer_has_its_bounds_complaint_17(
    gateway: Gateway, admin: Admin, provider: Provider, fault: str
) -> None:
    answer, status, words = IN_WHOLE[fault]
    provider.always(answer)
    key = key_until(admin, provider, status, fault)

    found = refused(gateway, admin, key, OPENAI, stream=False)

    assert found.status == status
    assert words in found.message


def test_a_provider_that_refuses_connections_is_a_502(gateway: Gateway, admin: Admin) -> None:
    nobody = key_of(admin, model_at(admin, answers.refused_url()))
    for path in PATHS:
        found = refused(gateway, admin, nobody, path, stream=False)

        assert found.status == 502
        assert "refused the connection" in found.message


@pytest.mark.parametrize("definition", [GPT, CLAUDE])
def test_429_keeps_its_retry_after_complaint_26(
    gateway: Gateway, admin: Admin, provider: Provider, definition: str
) -> None:
    key = key_of(admin, model_at(admin, provider.url, definition))
    for (wish, told), path in product(WISHES.items(), PATHS):
        provider.answers(answers.error(429, "Slow down", {"retry-after": wish}))

        found = refused(gateway, admin, key, path, stream=path == OPENAI)

        assert found.status == 429
        assert found.headers.get("retry-after") == told, wish
        assert found.body["error"]["type"] in ("rate_limit_error", "scripted")


@pytest.mark.parametrize("definition", [GPT, CLAUDE])
def test_a_redirect_is_not_followed_and_not_passed_on(
    gateway: Gateway, admin: Admin, provider: Provider, second: Provider, definition: str
) -> None:
    provider.always(answers.body(b"", 302, {"location": second.url}))
    key = key_of(admin, model_at(admin, provider.url, definition))
    for path in PATHS:
        assert refused(gateway, admin, key, path, stream=False).status == 502

    assert not second.requests


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (404, "not_found_error", anthropic.NotFoundError),
        (413, "request_too_large", anthropic.APIStatusError),
        (500, "api_error", anthropic.InternalServerError),
        (529, "overloaded_error", anthropic.InternalServerError),
    ],
)
def test_anthropics_own_errors_pass_whole_and_are_told_to_openais_clients(
    gateway: Gateway,
    admin: Admin,
    provider: Provider,
    status: int,
    kind: str,
    error: type[anthropic.APIStatusError],
) -> None:
    key = key_of(admin, model_at(admin, provider.url, CLAUDE))
    said = {"type": "error", "error": {"type": kind, "message": "No"}, "request_id": "req_1"}
    provider.always(answers.json(said, status))
    with (
        Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as client,
        pytest.raises(error) as whole,
    ):
        client.messages.create(model="any", max_tokens=9, messages=ASK)
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as translated,
        pytest.raises(openai.APIStatusError) as told,
    ):
        translated.chat.completions.create(model="any", messages=ASK)

    assert whole.value.response.json() == said
    assert told.value.status_code == status
    assert told.value.response.json()["error"]["message"] == "No"
    assert told.value.request_id
