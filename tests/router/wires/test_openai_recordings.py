"""Every recorded call of a provider of OpenAI's dialect, through its wire and adapter and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from hyperstrate.router.wires.openai_chat import OpenAIChat
from hyperstrate.router.wires.openai_embeddings import OpenAIEmbeddings
from hyperstrate.shared.chat import ChatRequest, ChatResult, Chunk, Dialect, Json
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.sse import data_of
from tests.conftest import recordings
from tests.openai_calls import (
    ABSENT,
    events_of,
    exchange,
    files,
    load,
    message_of,
    payloads_of,
    provider_of,
    read,
    registration,
    same_meaning,
)

pytestmark = ABSENT
ANSWERS, STREAMS = files(".json"), files(".sse.json")
REFUSALS = [*files(".json", status=400), *files(".json", status=404)]
BROKEN = "test_openrouter_stream_error-0.sse.json"
WHOLE_STREAMS = [it for it in STREAMS if it.values[0].name != BROKEN]
EMBEDDINGS = [
    pytest.param(path, id=path.name)
    for path in sorted((recordings() / "openai").glob("*.json"))
    if load(path)["path"].endswith("/embeddings")
]


def sent(path: Path, chat: ChatRequest) -> Json:
    call = provider_of(path).request(chat, registration())
    assert call.dropped == ()
    body: Json = orjson.loads(call.body)
    assert body["model"] == "gpt-x"
    return body


@pytest.mark.parametrize("path", [*ANSWERS, *STREAMS, *REFUSALS])
def test_an_untouched_request_goes_out_as_it_came(path: Path) -> None:
    given = load(path)["request"]["body"]

    body = sent(path, read(given))

    expected = {**given, "model": "gpt-x"}
    if given["stream"]:
        expected["stream_options"] = {"include_usage": True}
    assert body == expected


@pytest.mark.parametrize("path", [*ANSWERS, *STREAMS, *REFUSALS])
def test_a_rewritten_request_means_the_same(path: Path) -> None:
    given = load(path)["request"]["body"]
    chat = read(given)
    chat.edit()

    body = sent(path, chat)

    assert same_meaning(body) == same_meaning(given)


def answered(path: Path) -> tuple[bytes, ChatRequest, ChatResult]:
    call = load(path)
    raw, chat = orjson.dumps(call["response"]["body"]), read(call["request"]["body"])
    return raw, chat, provider_of(path).result(raw, chat)


@pytest.mark.parametrize("path", ANSWERS)
def test_an_untouched_answer_comes_back_as_it_came(path: Path) -> None:
    raw, chat, result = answered(path)

    written = OpenAIChat().result(exchange(chat), result)

    assert written == raw


def is_plain(path: Path) -> bool:
    """Its text is a string; Mistral's thoughtful answers are lists of parts."""
    message = load(path)["response"]["body"]["choices"][0]["message"]
    return not isinstance(message.get("content"), list)


@pytest.mark.parametrize("path", [it for it in ANSWERS if is_plain(it.values[0])])
def test_an_answer_written_anew_loses_nothing(path: Path) -> None:
    raw, chat, result = answered(path)
    result.raw = None

    written = orjson.loads(OpenAIChat().result(exchange(chat), result))

    assert written == orjson.loads(raw)


@pytest.mark.parametrize("path", ANSWERS)
def test_an_answer_is_read_whole(path: Path) -> None:
    raw, _, result = answered(path)

    body = orjson.loads(raw)
    choice, usage = body["choices"][0], body["usage"]
    assert [(it.id, it.name, it.arguments) for it in result.tool_calls] == calls_of(choice)
    assert result.text == text_of(choice["message"].get("content"))
    assert result.finish_detail == choice["finish_reason"]
    assert (result.id, result.model) == (body["id"], body["model"])
    assert result.has_usage
    assert result.usage.input_tokens == usage["prompt_tokens"]
    assert result.usage.output_tokens == usage["completion_tokens"]


def calls_of(choice: Json) -> list[tuple[str, str, str]]:
    """Ids, names and arguments; one provider leaves out arguments where there are none."""
    return [
        (call["id"], call["function"]["name"], call["function"].get("arguments", ""))
        for call in choice["message"].get("tool_calls") or []
    ]


def text_of(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part["type"] == "text")
    return content or ""


@pytest.mark.parametrize("path", ANSWERS)
def test_an_answer_without_its_body_keeps_what_the_shape_holds(path: Path) -> None:
    raw, chat, result = answered(path)
    result.raw, result.body = None, {}

    written = orjson.loads(OpenAIChat().result(exchange(chat), result))

    known, choice = orjson.loads(raw), written["choices"][0]
    assert (choice["message"]["content"] or "") == result.text
    assert calls_of(choice) == calls_of(known["choices"][0])
    assert choice["finish_reason"] == known["choices"][0]["finish_reason"]
    assert written["usage"]["prompt_tokens"] == known["usage"]["prompt_tokens"]
    assert written["usage"]["completion_tokens"] == known["usage"]["completion_tokens"]


def streamed(path: Path) -> tuple[list[bytes], ChatRequest, list[Chunk]]:
    call = load(path)
    events = events_of(call["response"]["body"].encode())
    chat = read(call["request"]["body"])
    return events, chat, list(provider_of(path).chunks(events, chat))


@pytest.mark.parametrize("path", WHOLE_STREAMS)
def test_an_untouched_stream_comes_back_as_it_came(path: Path) -> None:
    events, chat, chunks = streamed(path)

    writer = OpenAIChat().writer(exchange(chat), ChatResult(Dialect.OPENAI_CHAT))
    written = b"".join(writer.chunk(chunk) for chunk in chunks)

    assert written == b"".join(events)


@pytest.mark.parametrize("path", WHOLE_STREAMS)
def test_only_the_usage_that_we_asked_for_is_kept_from_who_did_not(path: Path) -> None:
    events, chat, chunks = streamed(path)
    chat.body = {**chat.body, "stream_options": None}

    writer = OpenAIChat().writer(exchange(chat), ChatResult(Dialect.OPENAI_CHAT))
    written = b"".join(writer.chunk(chunk) for chunk in chunks)

    assert written == b"".join(event for event in events if not is_usage_only(event))


def is_usage_only(event: bytes) -> bool:
    data = data_of(event)
    return data not in (None, b"[DONE]") and orjson.loads(data)["choices"] == []


@pytest.mark.parametrize("path", WHOLE_STREAMS)
def test_a_stream_written_anew_makes_the_same_message(path: Path) -> None:
    events, chat, chunks = streamed(path)

    writer = OpenAIChat().writer(exchange(chat), ChatResult(Dialect.OPENAI_CHAT))
    written = b"".join(writer.chunk(replace(chunk, raw=None)) for chunk in chunks)

    known, made = message_of(payloads_of(b"".join(events))), message_of(payloads_of(written))
    assert written.endswith(b"data: [DONE]\n\n")
    assert written.count(b"[DONE]") == 1
    for name in ("prompt_tokens", "completion_tokens"):
        assert made["usage"][name] == known["usage"][name]
    assert {**made, "usage": None} == {**known, "usage": None}


@pytest.mark.skipif(
    not (recordings() / "openrouter" / BROKEN).exists(), reason="that recording is absent"
)
def test_an_error_inside_a_stream_stops_it_with_its_status_and_what_was_used() -> None:
    path = recordings() / "openrouter" / BROKEN
    events = events_of(load(path)["response"]["body"].encode())
    chunks: list[Chunk] = []

    with pytest.raises(ProviderError, match="Token limit reached") as caught:
        chunks.extend(provider_of(path).chunks(events, read(load(path)["request"]["body"])))

    assert (caught.value.status, caught.value.kind) == (400, "bad_request")
    assert "We need to respond" in "".join(chunk.thinking for chunk in chunks)
    assert not any(chunk.is_last for chunk in chunks)
    last = chunks[-1].usage
    assert last is not None
    assert (last.input_tokens, last.output_tokens) == (43, 10)


@pytest.mark.parametrize("path", REFUSALS)
def test_a_refusal_comes_back_whole(path: Path) -> None:
    call = load(path)
    body, status = orjson.dumps(call["response"]["body"]), call["response"]["status"]

    error = provider_of(path).error(status, {}, body)
    reply = OpenAIChat().error(error, "req_1")

    assert (reply.status, reply.body) == (status, body)
    assert error.message == call["response"]["body"]["error"]["message"]
    assert not error.retryable


@pytest.mark.parametrize("path", EMBEDDINGS)
def test_embeddings_pass_both_ways(path: Path) -> None:
    call, wire, provider = load(path), OpenAIEmbeddings(), provider_of(path)
    given, raw = call["request"]["body"], orjson.dumps(call["response"]["body"])
    chat = wire.read(given).chat

    sent = provider.request(chat, registration())

    assert sent.url == "https://api.test/v1/embeddings"
    assert orjson.loads(sent.body) == {**given, "model": "gpt-x"}
    if call["response"]["status"] != 200:
        assert provider.error(404, {}, raw).body == raw
        return
    result = provider.result(raw, chat)
    assert wire.result(exchange(chat), result) == raw
    assert result.usage.input_tokens == call["response"]["body"]["usage"]["prompt_tokens"]
