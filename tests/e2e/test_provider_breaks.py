"""A stream breaks after its first word: an error event, no finish that nobody said, no word twice.

Complaints 14, 15, 17 and 18 of the field.
"""

from __future__ import annotations

import threading
from typing import Any

import anthropic
import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

from hyperstrate.router.breaker import FAILURES_TO_OPEN
from tests import answers
from tests.answers import OPENAI_USAGE
from tests.e2e.failing import (
    ASK,
    BEGUN,
    BEGUN_CLAUDE,
    CLAUDE,
    DRIP_S,
    DRIPPING,
    GPT,
    OPENAI,
    PATHS,
    QUICK,
    ask,
    assert_ends_in_an_error,
    events_of,
    key_of,
    model_at,
    words_of,
)
from tests.e2e.gateway import Admin, Gateway
from tests.upstreams import Answer, Provider

MANY = 40
CAREFUL: dict[str, Any] = {"retry": {"initial_delay_ms": 1}, "fallback": {}}
BREAKS: dict[str, Any] = {
    "cut": {"ending": "cut"},
    "reset": {"ending": "reset"},
    "broken framing": {"ending": "malformed", "delay_s": 0.25},
    "silent": {"ending": "stall"},
    "ended early": {"ending": "end"},
    "broken JSON": {"more": [b"data: {oops\n\n"]},
}


def broken(events: list[bytes], *, more: list[bytes] | None = None, **how: Any) -> Answer:
    return answers.sse([*events, *(more or [])], **how)


@pytest.fixture
def key(admin: Admin, provider: Provider) -> str:
    """A key of a router with one target."""
    return key_of(admin, model_at(admin, provider.url))


@pytest.mark.parametrize("definition", [GPT, CLAUDE])
@pytest.mark.parametrize("fault", BREAKS)
def test_after_the_first_word_a_break_is_an_error_event_and_nothing_else(
    gateway: Gateway,
    admin: Admin,
    provider: Provider,
    fault: str,
    definition: str,
) -> None:
    """Complaints 14, 15, 18: no silent end, no finish that nobody said, no word twice."""
    events = BEGUN if definition == GPT else BEGUN_CLAUDE
    provider.always(broken(events, **BREAKS[fault]))
    timeouts = QUICK if fault == "silent" else None
    models = [model_at(admin, provider.url, definition, timeouts=timeouts) for _ in range(2)]
    key = key_of(admin, *models, **CAREFUL)
    for times, path in enumerate(PATHS, 1):
        status, headers, content = ask(gateway, key, path, stream=True)

        assert status == 200
        assert words_of(path, content) == "Hello "
        assert_ends_in_an_error(path, content)
        assert len(provider.requests) == times
        log = admin.log(headers["x-hyperstrate-request-id"])
        assert (log["status"], log["finishReason"]) == ("error", "")
        assert log["httpStatus"] in (502, 504)
        assert log["inputTokens"] > 0
        assert log["outputTokens"] > 0


def test_the_sdks_raise_where_a_stream_breaks(
    gateway: Gateway, provider: Provider, key: str
) -> None:
    provider.always(broken(BEGUN, ending="cut"))
    words: list[str] = []

    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client:
        chunks = client.chat.completions.create(model="any", messages=ASK, stream=True)
        with pytest.raises(openai.APIError, match="broke off"):
            words.extend(chunk.choices[0].delta.content or "" for chunk in chunks)
    with (
        Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as other,
        other.messages.stream(model="any", max_tokens=9, messages=ASK) as stream,
        pytest.raises(anthropic.APIError, match="broke off"),
    ):
        words.extend(stream.text_stream)

    assert "".join(words) == "Hello Hello "


def test_a_stream_that_drips_ends_with_all_its_time_complaint_17(
    gateway: Gateway, admin: Admin, provider: Provider
) -> None:
    key = key_of(admin, model_at(admin, provider.url, timeouts=DRIPPING))
    provider.answers(answers.sse(BEGUN + [b": still here\n\n"] * 60, delay_s=DRIP_S))

    status, _, content = ask(gateway, key, OPENAI, stream=True)

    assert status == 200
    assert_ends_in_an_error(OPENAI, content)
    assert "in time" in events_of(content)[-1][1]["error"]["message"]
    assert provider.wait_closed()


def test_the_finish_stands_though_the_end_of_the_stream_is_missing(
    gateway: Gateway, admin: Admin, provider: Provider, key: str
) -> None:
    """Some servers never send [DONE]; what they finished is finished."""
    provider.answers(answers.sse(answers.openai_events("Hello")[:-1]))

    _, headers, content = ask(gateway, key, OPENAI, stream=True)

    assert content.endswith(b"data: [DONE]\n\n")
    log = admin.log(headers["x-hyperstrate-request-id"])
    assert (log["status"], log["inputTokens"]) == ("success", OPENAI_USAGE["prompt_tokens"])


def test_many_streams_break_together_and_each_is_told_and_logged(
    gateway: Gateway, admin: Admin, provider: Provider, key: str
) -> None:
    found: list[tuple[int, Any, bytes]] = []
    provider.always(answers.sse(BEGUN, ending="cut"))
    threads = [
        threading.Thread(target=lambda: found.append(ask(gateway, key, OPENAI, stream=True)))
        for _ in range(MANY)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    begun = [answer for answer in found if answer[0] == 200]
    late = [answer for answer in found if answer[0] != 200]
    for _, headers, content in begun:
        assert_ends_in_an_error(OPENAI, content)
        assert admin.log(headers["x-hyperstrate-request-id"])["status"] == "error"
    assert len(found) == MANY
    assert len(begun) >= FAILURES_TO_OPEN
    assert {status for status, _, _ in late} <= {503}, "the breaker keeps out who comes later"
