"""Whatever comes, from a client or from a provider: an error of ours, never a crash."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
from hypothesis import given, settings

from hyperstrate.ai.providers.openai import OpenAI
from hyperstrate.router.wires import WIRES
from hyperstrate.shared.chat import ChatResult, Dialect, Json
from hyperstrate.shared.errors import BadRequest, ProviderError
from tests.damage import damaged
from tests.openai_calls import exchange, read, registration

CALL: Json = {
    "id": "c",
    "type": "function",
    "function": {"name": "a", "arguments": "{}"},
    "index": 0,
}
BLOCKS: list[Json] = [
    {"type": "thinking", "thinking": "Hm", "signature": "s"},
    {"type": "redacted_thinking", "data": "x"},
]
CONTENT: list[Json] = [
    {"type": "text", "text": "Hi"},
    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
    {"type": "refusal", "refusal": "No"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
    {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a"}},
]
TURN: Json = {
    "role": "assistant", "content": CONTENT, "tool_calls": [CALL], "refusal": "No",
    "reasoning_content": "Hm", "reasoning": "Hm", "thinking_blocks": BLOCKS,
}  # fmt: skip
REQUEST: Json = {
    "model": "m", "stream": True, "stream_options": {"include_usage": True},
    "messages": [{"role": "user", "content": CONTENT}, TURN,
                 {"role": "tool", "tool_call_id": "c", "content": "42"}],
    "tools": [{"type": "function", "function": {"name": "a", "parameters": {"a": 1}}}],
    "tool_choice": {"type": "function", "function": {"name": "a"}}, "parallel_tool_calls": True,
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"a": 1}}},
    "stop": ["a"], "temperature": 1, "max_tokens": 9, "metadata": {"agent": "x"},
}  # fmt: skip
USAGE: Json = {
    "prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
}  # fmt: skip
ANSWER: Json = {
    "id": "x", "model": "m", "usage": USAGE,
    "choices": [{"index": 0, "message": TURN, "finish_reason": "stop", "stop_reason": "a"}],
}  # fmt: skip
EVENT: Json = {
    "id": "x", "model": "m", "usage": USAGE, "x_groq": {"usage": USAGE},
    "choices": [{"index": 0, "delta": TURN, "finish_reason": "stop", "stop_reason": "a"},
                {"index": 1, "delta": {"content": "Hi"}, "finish_reason": "stop"}],
}  # fmt: skip
NATIVE: Json = {
    "fields": {"prompt": "Hi {{a}}", "image": '["a"]', "_history": '[{"role":"user"}]', "a": "b"},
    "options": {"temperature": 1, "stop": "a", "tools": REQUEST["tools"], "agent": "x"},
    "history": [{"role": "user", "content": "Hi"}, TURN],
    "bypassCache": True,
}  # fmt: skip


def send(dialect: Dialect, body: Any) -> None:
    """Through the wire and out to two providers, untouched and rewritten."""
    with suppress(BadRequest):
        chat = WIRES[dialect].read(body).chat
        OpenAI("OPENAI").request(chat, registration())
        chat.edit()
        OpenAI("OPENAI").request(chat, registration())


@settings(max_examples=300, deadline=None)
@given(damaged(REQUEST))
def test_a_damaged_request_is_read_or_refused(body: Any) -> None:
    if isinstance(body, dict):
        send(Dialect.OPENAI_CHAT, body)


@settings(deadline=None)
@given(damaged({"model": "m", "input": ["a", "b"]}))
def test_damaged_embeddings_are_read_or_refused(body: Any) -> None:
    if isinstance(body, dict):
        send(Dialect.OPENAI_EMBEDDINGS, body)


@settings(deadline=None)
@given(damaged(NATIVE))
def test_a_damaged_request_of_our_own_is_read_or_refused(body: Any) -> None:
    if isinstance(body, dict):
        send(Dialect.NATIVE, body)


@settings(max_examples=300, deadline=None)
@given(damaged(ANSWER))
def test_a_damaged_answer_is_written_or_an_error(body: Any) -> None:
    chat = read(REQUEST)

    with suppress(ProviderError):
        result = OpenAI("OPENAI").result(orjson.dumps(body), chat)
        result.raw = None
        for wire in WIRES.values():
            wire.result(exchange(chat), result)


@settings(max_examples=300, deadline=None)
@given(damaged(EVENT))
def test_a_damaged_event_is_written_or_an_error(payload: Any) -> None:
    chat = read(REQUEST)
    wires = [WIRES[dialect] for dialect in Dialect if dialect is not Dialect.OPENAI_EMBEDDINGS]
    writers = [wire.writer(exchange(chat), ChatResult(Dialect.OPENAI_CHAT)) for wire in wires]

    with suppress(ProviderError):
        event = b"data: " + orjson.dumps(payload) + b"\n\n"
        for chunk in OpenAI("OPENAI").chunks([event, b"data: [DONE]\n\n"], chat):
            chunk.raw = None
            for writer in writers:
                writer.chunk(chunk)


@settings(deadline=None)
@given(damaged({"error": {"message": "no", "code": "x", "type": "y"}}))
def test_a_damaged_refusal_has_a_message(body: Any) -> None:
    error = OpenAI("OPENAI").error(400, {}, orjson.dumps(body))

    assert error.message
    for wire in WIRES.values():
        assert orjson.loads(wire.error(error, "req_1").body)
