from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from hyperstrate.ai.providers.anthropic import Anthropic
from hyperstrate.router.wires.anthropic_messages import AnthropicMessages
from hyperstrate.router.wires.base import Wire
from hyperstrate.shared.chat import (
    ChatResult,
    Dialect,
    Foreign,
    Image,
    Json,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from hyperstrate.shared.errors import (
    AppError,
    BadRequest,
    Blocked,
    Forbidden,
    NotFound,
    PaymentRequired,
    ProviderError,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from tests.anthropic_calls import ABSENT, exchange, files, load, read

WIRE: Wire = AnthropicMessages()
ASK: Json = {"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}


def answer(**fields: Any) -> Json:
    """An answer of another dialect as the client gets it."""
    result = ChatResult(Dialect.OPENAI_CHAT, **fields)
    message: Json = orjson.loads(WIRE.result(exchange(), result))
    return message


def test_reads_the_model_and_whether_to_stream() -> None:
    inquiry = WIRE.read({**ASK, "stream": True})

    assert inquiry.model == "claude"
    assert inquiry.chat.stream
    assert inquiry.chat.dialect is Dialect.ANTHROPIC_MESSAGES


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages.0"),
        ({"messages": [{"content": "Hi"}]}, "messages.0"),
        ({"messages": [{"role": 1, "content": "Hi"}]}, "messages.0"),
        ({"model": 1}, "model"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"system": {"text": "x"}}, "system"),
        ({"tools": {}}, "tools"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_by_its_field(change: Json, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        WIRE.read({**ASK, **change})

    assert list(caught.value.fields) == [field]
    assert caught.value.message.startswith(f"{field}: ")


@pytest.mark.parametrize(
    "change",
    [
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": [{"role": "user", "content": ["Hi"]}]},
        {"messages": [{"role": "robot", "content": "Hi"}]},
        {"system": ["Hi"]},
        {"tools": ["x"]},
    ],
)
def test_what_no_stage_can_read_is_refused_when_one_asks(change: Json) -> None:
    chat = read({**ASK, **change})

    with pytest.raises(BadRequest):
        _ = chat.conversation


@ABSENT
@pytest.mark.parametrize("path", files(".json", but=".sse.json"))
def test_a_recorded_answer_reaches_the_client_as_it_came(path: Path) -> None:
    call = load(path)
    raw = orjson.dumps(call["response"]["body"])
    if call["response"]["status"] != 200:
        error = Anthropic().error(call["response"]["status"], {}, raw)

        reply = WIRE.error(error, "req_1")

        assert (reply.status, reply.body) == (call["response"]["status"], raw)
        return
    result = Anthropic().result(raw, read(call["request"]["body"]))

    assert WIRE.result(exchange(), result) == raw


@ABSENT
@pytest.mark.parametrize("path", files(".json", but=".sse.json"))
def test_a_recorded_answer_written_anew_loses_nothing(path: Path) -> None:
    call = load(path)
    if call["response"]["status"] != 200:
        return
    body = call["response"]["body"]
    result = Anthropic().result(orjson.dumps(body), read(call["request"]["body"]))
    result.raw = None

    written = orjson.loads(WIRE.result(exchange(), result))

    assert written == body


def test_an_answer_of_another_dialect_becomes_a_message() -> None:
    message = answer(
        id="chatcmpl-1",
        model="gpt-5",
        parts=[
            Thinking("Hmm", "sig"),
            Text("Hello"),
            ToolCall("call_1", "f", '{"b": 1, "a": 12345678901234567890123}'),
            ToolCall("call_2", "g", ""),
        ],
        finish_reason="tool_calls",
        finish_detail="tool_calls",
        usage=Usage(100, 20, 60, 20, 10, 5),
    )

    assert message == {
        "id": "chatcmpl-1",
        "type": "message",
        "role": "assistant",
        "model": "gpt-5",
        "content": [
            {"type": "thinking", "thinking": "Hmm", "signature": "sig"},
            {"type": "text", "text": "Hello"},
            {
                "type": "tool_use",
                "id": "call_1",
                "name": "f",
                "input": orjson.loads('{"b": 1, "a": 12345678901234567890123}'),
            },
            {"type": "tool_use", "id": "call_2", "name": "g", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 60,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
            "output_tokens": 20,
            "output_tokens_details": {"thinking_tokens": 5},
        },
    }


def test_tool_arguments_keep_every_digit_and_their_order() -> None:
    arguments = '{"z": 12345678901234567890123, "a": 1.10}'
    result = ChatResult(Dialect.OPENAI_CHAT, parts=[ToolCall("call_1", "f", arguments)])

    written = WIRE.result(exchange(), result)

    assert f'"input":{arguments}'.encode() in written


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "no", '"text"'])
def test_arguments_that_are_no_object_are_handed_on_as_text(arguments: str) -> None:
    message = answer(parts=[ToolCall("call_1", "f", arguments)])

    assert message["content"][0]["input"] == {"INVALID_JSON": arguments}


@pytest.mark.parametrize(
    ("reason", "sequence", "expected"),
    [
        ("stop", "", "end_turn"),
        ("stop", "END", "stop_sequence"),
        ("length", "", "max_tokens"),
        ("tool_calls", "", "tool_use"),
        ("content_filter", "", "refusal"),
        ("refusal", "", "refusal"),
        ("pause", "", "pause_turn"),
        (None, "", None),
    ],
)
def test_the_reason_for_the_end_is_in_its_words(
    reason: Any, sequence: str, expected: str | None
) -> None:
    message = answer(finish_reason=reason, finish_detail="stop", stop_sequence=sequence)

    assert message["stop_reason"] == expected
    assert message["stop_sequence"] == (sequence or None)


def test_a_reason_that_is_not_known_yet_is_kept_word_by_word() -> None:
    body = {"content": [], "stop_reason": "coffee_break", "usage": {}}
    result = Anthropic().result(orjson.dumps(body), read(ASK))
    result.raw = None

    assert orjson.loads(WIRE.result(exchange(), result))["stop_reason"] == "coffee_break"


def test_content_of_another_dialect_and_further_choices_are_left_out() -> None:
    foreign = Foreign(Dialect.OPENAI_CHAT, {"type": "audio"})
    picture = Image(data="aGk=", media_type="image/png")
    result = ChatResult(Dialect.OPENAI_CHAT, parts=[foreign, picture], others=[[Text("Hey")]])

    message = orjson.loads(WIRE.result(exchange(), result))

    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    assert message["content"] == [{"type": "image", "source": source}]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (BadRequest("no"), 400, "invalid_request_error"),
        (Unauthorized("no"), 401, "authentication_error"),
        (PaymentRequired("no"), 402, "billing_error"),
        (Forbidden("no"), 403, "permission_error"),
        (Blocked("no"), 403, "permission_error"),
        (NotFound("no"), 404, "not_found_error"),
        (TooLarge("no"), 413, "request_too_large"),
        (TooManyRequests("no"), 429, "rate_limit_error"),
        (AppError("no"), 500, "api_error"),
        (Unavailable("no"), 503, "api_error"),
        (ProviderError("no", kind="bad_answer"), 502, "api_error"),
        (ProviderError("no", kind="timeout"), 504, "timeout_error"),
        (ProviderError("no", kind="overloaded"), 529, "overloaded_error"),
        (ProviderError("no", kind="unsupported"), 422, "invalid_request_error"),
    ],
)
def test_errors_have_its_types(error: AppError | ProviderError, status: int, kind: str) -> None:
    reply = WIRE.error(error, "req_1")

    assert reply.status == status
    assert orjson.loads(reply.body) == {
        "type": "error",
        "error": {"type": kind, "message": "no"},
        "request_id": "req_1",
    }


def test_the_error_of_another_dialect_is_told_in_its_own_words() -> None:
    body = b'{"error": {"message": "slow down"}}'
    error = ProviderError("slow down", kind="rate_limited", body=body, dialect=Dialect.OPENAI_CHAT)

    said = orjson.loads(WIRE.error(error, "req_1").body)

    assert said["error"] == {"type": "rate_limit_error", "message": "slow down"}
