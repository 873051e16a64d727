"""The provider in every state of failure: the client hears of it in its own dialect, and the log.

Complaints 14 to 18 and 26 of the field: answers that end without a word, finishes that nobody said,
fallbacks that are never tried, silence without end, words said twice, no Retry-After.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, product
from typing import Any

import anthropic
import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests import answers
from tests.answers import OPENAI_USAGE
from tests.e2e.gateway import Admin, Gateway
from tests.upstreams import Answer, Connection, Provider

OPENAI, ANTHROPIC = "/v1/chat/completions", "/v1/messages"
PATHS = [OPENAI, ANTHROPIC]
FIRST_BYTE_S, IDLE_S, TOTAL_S = 0.3, 0.3, 0.8
QUICK = {
    "connectTimeoutSecs": 1,
    "firstByteTimeoutSecs": FIRST_BYTE_S,
    "idleTimeoutSecs": IDLE_S,
    "timeoutSecs": TOTAL_S,
}
GPT, CLAUDE = "chatgpt/gpt-4o", "anthropic/claude-sonnet-4-5"
MANY = 40
ASK: Any = [{"role": "user", "content": "Say hello"}]
JSON_HEAD = {"content-type": "application/json"}


@dataclass(frozen=True)
class Refusal:
    """An error as a client got it."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


@pytest.fixture
def key(admin: Admin, provider: Provider) -> str:
    """A key of a router with one target."""
    return key_of(admin, model_at(admin, provider.url))


@pytest.fixture
def second() -> Iterator[Provider]:
    """Another provider, for what the first one leaves undone."""
    with Provider() as started:
        yield started


_numbers = count()


def key_of(admin: Admin, *models: str, **features: Any) -> str:
    """A key of a new router: the circuits of its targets are closed."""
    return admin.key(admin.router(f"faults {next(_numbers)}", *models, **features))


def model_at(admin: Admin, url: str, definition: str = GPT) -> str:
    return admin.model(definition, baseUrl=url, apiKey="k", **QUICK)


def ask(gateway: Gateway, key: str, path: str, *, stream: bool) -> tuple[int, Any, bytes]:
    body = {"model": "any", "messages": ASK, "stream": stream, "max_tokens": 50}
    return gateway.request("POST", path, body, {"Authorization": f"Bearer {key}"})


def refused(gateway: Gateway, admin: Admin, key: str, path: str, *, stream: bool) -> Refusal:
    """A call that fails before its first word, in the client's dialect, with an id, logged."""
    status, headers, content = ask(gateway, key, path, stream=stream)
    body = json.loads(content)
    assert status >= 400
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"] == headers["request-id"] == headers["x-hyperstrate-request-id"]
    assert body["error"]["type"]
    assert body["error"]["message"]
    if path == ANTHROPIC:
        assert body["type"] == "error"
    log = admin.log(headers["x-hyperstrate-request-id"])
    assert (log["status"], log["httpStatus"], log["isStream"]) == ("error", status, stream)
    assert log["errorMessage"] == body["error"]["message"]
    return Refusal(status, headers, body)


def drip(*blocks: bytes) -> Answer:
    """So slowly that the time between two reads is kept, and all the time is not."""
    return answers.raw(*blocks, close=False, delay_s=IDLE_S / 3)


def half_silent() -> Answer:
    """A head, and then nothing."""
    head = answers.head(200, {**JSON_HEAD, "content-length": "100"})

    def play(connection: Connection) -> None:
        connection.send(head)
        connection.pause(None)

    return Answer(play)


# What a provider wishes, and what the client is told.
WISHES = {"7": "7", "0.2": "1", "inf": None, "nan": None, "-3": None, "soon": None, "9" * 20: None}
ERROR_EVENT = {"error": {"message": "Inside", "type": "x", "code": 503}}
HELLO = answers.openai_events("Hello")
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
    "HTML with 502": (answers.html(502), 502, "Bad gateway"),
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
    "comments without end": (answers.sse([b": ping\n\n"] * 20, delay_s=IDLE_S / 3), 504, "in time"),
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


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_provider_is_an_error_in_the_clients_dialect(
    gateway: Gateway, admin: Admin, provider: Provider, key: str, fault: str
) -> None:
    answer, status, words = FAULTS[fault]
    provider.always(answer)
    for path, stream in product(PATHS, [False, True]):
        found = refused(gateway, admin, key, path, stream=stream)

        assert found.status == status
        assert words in found.message


@pytest.mark.parametrize("fault", IN_STREAMS)
def test_a_stream_that_breaks_before_its_first_word_is_an_error_complaint_16(
    gateway: Gateway, admin: Admin, provider: Provider, key: str, fault: str
) -> None:
    answer, status, words = IN_STREAMS[fault]
    provider.always(answer)
    for path in PATHS:
        found = refused(gateway, admin, key, path, stream=True)

        assert found.status == status
        assert words in found.message


@pytest.mark.parametrize("fault", IN_WHOLE)
def test_a_whole_answer_has_its_bounds_complaint_17(
    gateway: Gateway, admin: Admin, provider: Provider, key: str, fault: str
) -> None:
    answer, status, words = IN_WHOLE[fault]
    provider.always(answer)

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


WORDS = ("Hel", "lo ")
BEGUN = answers.openai_events(*WORDS)[:-3]
BEGUN_CLAUDE = answers.anthropic_events(*WORDS)[:-3]
BREAKS: dict[str, Any] = {
    "cut": {"ending": "cut"},
    "reset": {"ending": "reset"},
    "broken framing": {"ending": "malformed", "delay_s": 0.02},
    "silent": {"ending": "stall"},
    "ended early": {"ending": "end"},
    "broken JSON": {"more": [b"data: {oops\n\n"]},
}


def broken(events: list[bytes], *, more: list[bytes] | None = None, **how: Any) -> Answer:
    return answers.sse([*events, *(more or [])], **how)


CAREFUL: dict[str, Any] = {"retry": {"initial_delay_ms": 1}, "fallback": {}}


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
    models = [model_at(admin, provider.url, definition) for _ in range(2)]
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


def events_of(content: bytes) -> list[tuple[str, Any]]:
    """Name and data of each event."""
    found = []
    for event in content.decode().removesuffix("\n\n").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.splitlines())
        data = lines.get("data", "null")
        found.append((lines.get("event", ""), data if data == "[DONE]" else json.loads(data)))
    return found


def words_of(path: str, content: bytes) -> str:
    words = ""
    for _, data in events_of(content):
        if not data:
            continue
        if path == ANTHROPIC and data["type"] == "content_block_delta":
            words += data["delta"]["text"]
        elif path == OPENAI and data != "[DONE]" and data.get("choices"):
            words += data["choices"][0]["delta"].get("content") or ""
    return words


def assert_ends_in_an_error(path: str, content: bytes) -> None:
    *before, (name, last) = events_of(content)
    assert last["error"]["message"]
    if path == ANTHROPIC:
        assert name == last["type"] == "error"
        assert not [data for name, data in before if name in ("message_delta", "message_stop")]
        return
    assert b"[DONE]" not in content
    assert not [data for _, data in before if data and data["choices"][0]["finish_reason"]]


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
    gateway: Gateway, provider: Provider, key: str
) -> None:
    provider.answers(answers.sse(BEGUN + [b": still here\n\n"] * 20, delay_s=IDLE_S / 3))

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


CURABLE: dict[str, Answer] = {
    **{name: FAULTS[name][0] for name in ("reset", "silent", "500", "529", "HTML with 200")},
    "429": answers.rate_limited(0.01),
    "truncated": answers.truncated({"choices": []}),
    "cut before a word": IN_STREAMS["cut before a word"][0],
    "broken JSON": IN_STREAMS["broken JSON"][0],
    "broken framing": IN_STREAMS["broken framing"][0],
}


@pytest.mark.parametrize("fault", CURABLE)
def test_before_the_first_word_a_stream_is_repeated(
    gateway: Gateway, admin: Admin, provider: Provider, fault: str
) -> None:
    model = model_at(admin, provider.url)
    key = key_of(admin, model, retry={"initial_delay_ms": 1, "max_retries": 1})
    good = answers.sse(answers.openai_events("Hel", "lo"), headers={"connection": "close"})
    for path in PATHS:
        provider.answers(CURABLE[fault], good)

        _, headers, content = ask(gateway, key, path, stream=True)

        assert words_of(path, content) == "Hello"
        assert b"error" not in content
        log = admin.log(headers["x-hyperstrate-request-id"])
        assert [attempt["status"] for attempt in log["attempts"]] == ["error", "success"]
        assert "retry" in {step["outcome"] for step in log["pipelineSteps"]}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("path", PATHS)
def test_another_target_answers_for_one_that_fails_complaints_14_and_16(
    gateway: Gateway, admin: Admin, provider: Provider, second: Provider, path: str, stream: bool
) -> None:
    second.always(answers.openai_stream("Hel", "lo") if stream else answers.openai("Hello"))
    good = model_at(admin, second.url)
    key = key_of(admin, model_at(admin, provider.url), good)
    faults = [CURABLE[name] for name in ("cut before a word", "silent", "500")]
    for fault in faults:
        provider.answers(fault)

        _, headers, content = ask(gateway, key, path, stream=stream)

        assert b"error" not in content
        if stream:
            assert words_of(path, content) == "Hello"
        log = admin.log(headers["x-hyperstrate-request-id"])
        assert log["modelId"] == good
        assert [attempt["status"] for attempt in log["attempts"]] == ["error", "success"]
    assert len(second.requests) == len(faults)


def test_what_is_the_clients_own_fault_is_not_repeated(
    gateway: Gateway, admin: Admin, provider: Provider
) -> None:
    provider.always(answers.error(400, "Your fault"))
    models = [model_at(admin, provider.url) for _ in range(2)]

    status, _, content = ask(gateway, key_of(admin, *models, **CAREFUL), OPENAI, stream=True)

    assert status == 400
    assert b"Your fault" in content
    assert len(provider.requests) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_five_failures_open_the_circuit_complaint_26(
    gateway: Gateway, admin: Admin, second: Provider, stream: bool
) -> None:
    second.always(answers.error(500, "Boom"))
    key = key_of(admin, model_at(admin, second.url))

    failures = [refused(gateway, admin, key, OPENAI, stream=stream) for _ in range(5)]
    left_alone = [refused(gateway, admin, key, path, stream=stream) for path in PATHS]

    assert [found.status for found in failures] == [500] * 5
    assert len(second.requests) == 5
    for found in left_alone:
        assert found.status == 503
        assert 1 <= int(found.headers["retry-after"]) <= 30


def test_another_target_takes_over_while_the_circuit_is_open(
    gateway: Gateway, admin: Admin, provider: Provider, second: Provider
) -> None:
    second.always(answers.error(500, "Boom"))
    key = key_of(admin, model_at(admin, second.url), model_at(admin, provider.url))
    provider.answers(*[answers.openai("Hello")] * 8)

    statuses = [ask(gateway, key, OPENAI, stream=False)[0] for _ in range(8)]

    assert statuses == [200] * 8
    assert len(second.requests) == 5


def test_a_model_called_directly_has_a_circuit_of_its_own(
    gateway: Gateway, admin: Admin, provider: Provider, second: Provider
) -> None:
    provider.always(answers.error(500, "Boom"))
    second.always(answers.openai("Hello"))
    broken_model, good_model = model_at(admin, provider.url), model_at(admin, second.url)
    key = admin.key()
    for _ in range(6):
        ask(gateway, key, f"/proxy/ai/{broken_model}{OPENAI}", stream=False)

    status, _, _ = ask(gateway, key, f"/proxy/ai/{good_model}{OPENAI}", stream=False)

    assert len(provider.requests) == 5
    assert status == 200


def test_many_streams_break_together_and_each_is_told_and_logged(
    gateway: Gateway, admin: Admin, provider: Provider, key: str
) -> None:
    found: list[tuple[int, Any, bytes]] = []
    provider.always(answers.sse(BEGUN, ending="stall"))
    threads = [
        threading.Thread(target=lambda: found.append(ask(gateway, key, OPENAI, stream=True)))
        for _ in range(MANY)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for status, headers, content in found:
        assert status == 200
        assert_ends_in_an_error(OPENAI, content)
        assert admin.log(headers["x-hyperstrate-request-id"])["status"] == "error"
    assert len(found) == MANY
