from __future__ import annotations

from typing import Any

import orjson
import pytest

from hyperstrate.ai.providers.anthropic import Anthropic
from hyperstrate.ai.providers.base import Provider
from hyperstrate.shared.chat import (
    Dialect,
    Json,
    Usage,
)
from hyperstrate.shared.errors import ProviderError
from tests.anthropic_calls import read

PROVIDER: Provider = Anthropic()
ASK: Json = {"messages": [{"role": "user", "content": "Hi"}]}


def events(*payloads: Any) -> list[bytes]:
    return [b"event: x\ndata: " + orjson.dumps(payload) + b"\n\n" for payload in payloads]


START: Json = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "model": "claude-x",
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 4,
            "cache_creation": {"ephemeral_1h_input_tokens": 4},
            "output_tokens": 1,
        },
    },
}


def test_usage_is_merged_from_start_and_end() -> None:
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
           "usage": {"output_tokens": 9, "input_tokens": None}}  # fmt: skip

    chunks = list(PROVIDER.chunks(events(START, end, {"type": "message_stop"}), read(ASK)))

    assert (chunks[0].id, chunks[0].model) == ("msg_1", "claude-x")
    assert chunks[0].usage == Usage(19, 1, 5, 0, 4)
    assert chunks[1].usage == Usage(19, 9, 5, 0, 4)
    assert (chunks[1].finish_reason, chunks[1].finish_detail) == ("stop", "end_turn")
    assert [chunk.is_last for chunk in chunks] == [False, False, True]


def test_preamble_is_told_from_the_answer() -> None:
    block = {"type": "content_block_start", "index": 0}
    text = {**block, "content_block": {"type": "text", "text": ""}}
    tool = {**block, "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "f"}}
    delta = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "a"},
    }
    stop = {"type": "message_stop"}

    stream = [b": hello\n\n", *events(START, {"type": "ping"}, text, delta, tool, stop)]
    chunks = list(PROVIDER.chunks(stream, read(ASK)))

    assert [chunk.is_preamble for chunk in chunks] == [True, True, True, True, False, False, False]
    assert [chunk.raw for chunk in chunks] == stream


def test_tool_calls_are_counted_apart_from_other_blocks() -> None:
    def start(index: int, **block: Any) -> Json:
        return {"type": "content_block_start", "index": index, "content_block": block}

    def piece(index: int, text: str) -> Json:
        delta = {"type": "input_json_delta", "partial_json": text}
        return {"type": "content_block_delta", "index": index, "delta": delta}

    chunks = list(
        PROVIDER.chunks(
            events(
                start(0, type="text", text=""),
                start(1, type="tool_use", id="a", name="f", input={}),
                piece(1, "{}"),
                start(2, type="server_tool_use", id="s", name="g", input={}),
                piece(2, '{"q":1}'),
                start(3, type="tool_use", id="b", name="h", input={}),
                piece(3, "{}"),
                {"type": "message_stop"},
            ),
            read(ASK),
        )
    )

    deltas = [delta for chunk in chunks for delta in chunk.tool_calls]
    assert [(it.index, it.id, it.name, it.arguments) for it in deltas] == [
        (0, "a", "f", ""),
        (0, "", "", "{}"),
        (1, "b", "h", ""),
        (1, "", "", "{}"),
    ]
    assert [chunk.foreign for chunk in chunks if chunk.foreign] == ["server_tool_use"] * 2


def test_an_error_event_is_raised_with_its_body() -> None:
    said = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    chunks = PROVIDER.chunks(events(START, said), read(ASK))
    next(chunks)

    with pytest.raises(ProviderError) as caught:
        next(chunks)

    error = caught.value
    assert (error.kind, error.status, error.retryable) == ("overloaded", 529, True)
    assert error.body == orjson.dumps(said)
    assert error.dialect is Dialect.ANTHROPIC_MESSAGES


def test_a_stream_without_its_end_is_incomplete() -> None:
    with pytest.raises(ProviderError) as caught:
        list(PROVIDER.chunks(events(START), read(ASK)))

    assert caught.value.kind == "incomplete"


@pytest.mark.parametrize("data", [b"{", b"[]", b"DONE"])
def test_an_event_that_is_not_json_is_a_bad_answer(data: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        list(PROVIDER.chunks([b"data: " + data + b"\n\n"], read(ASK)))

    assert caught.value.kind == "bad_answer"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": 7},
        {"type": "message_start"},
        {"type": "content_block_start", "content_block": 5},
        {"type": "content_block_delta"},
        {"type": "message_delta", "usage": []},
    ],
)
def test_an_event_of_an_odd_form_does_no_harm(payload: Json) -> None:
    chunks = list(PROVIDER.chunks(events(payload, {"type": "message_stop"}), read(ASK)))

    assert len(chunks) == 2
