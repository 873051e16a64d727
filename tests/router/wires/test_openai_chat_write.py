from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from hyperstrate.router.wires.base import StreamWriter
from hyperstrate.router.wires.openai_chat import OpenAIChat
from hyperstrate.router.wires.openai_chat_write import usage_json
from hyperstrate.shared.chat import (
    ChatResult,
    Chunk,
    Dialect,
    Json,
    ToolCallDelta,
    Usage,
)
from hyperstrate.shared.errors import (
    ProviderError,
)
from tests.openai_calls import events_of, exchange, message_of, payloads_of, read

OURS, ANTHROPIC = Dialect.OPENAI_CHAT, Dialect.ANTHROPIC_MESSAGES
HI: list[Json] = [{"role": "user", "content": "Hi"}]


def ask(**fields: Any) -> Json:
    return {"model": "support", "messages": HI, **fields}


def writer(dialect: Dialect = ANTHROPIC, *, usage: bool = False) -> StreamWriter:
    options = {"stream_options": {"include_usage": True}} if usage else {}
    chat = read(ask(stream=True, **options))
    return OpenAIChat().writer(exchange(chat), ChatResult(dialect))


def written(target: StreamWriter, chunks: Iterable[Chunk]) -> bytes:
    return b"".join(target.chunk(chunk) for chunk in chunks)


THOUGHTFUL = [
    Chunk(id="msg_1", model="claude", usage=Usage(9, 1), is_preamble=True),
    Chunk(thinking="Hm. "),
    Chunk(thinking="So."),
    Chunk(signature="sig"),
    Chunk(
        foreign="redacted_thinking",
        payload={"content_block": {"type": "redacted_thinking", "data": "xyz"}},
    ),
    Chunk(foreign="redacted_thinking", payload={"type": "content_block_stop"}),
    Chunk(text="Let "),
    Chunk(text="me."),
    Chunk(tool_calls=(ToolCallDelta(1, "toolu_1", "look"),)),
    Chunk(tool_calls=(ToolCallDelta(1, arguments='{"a"'),)),
    Chunk(tool_calls=(ToolCallDelta(4, "toolu_2", "see", "{}"),)),
    Chunk(tool_calls=(ToolCallDelta(1, arguments=":1}"),)),
    Chunk(finish_reason="tool_calls", finish_detail="tool_use", usage=Usage(9, 5)),
    Chunk(is_last=True),
]


def test_a_stream_of_another_dialect_is_written_in_ours() -> None:
    stream = written(writer(usage=True), THOUGHTFUL)

    payloads = payloads_of(stream)
    assert message_of(payloads) == {
        "ids": {"msg_1"},
        "role": "assistant",
        "content": "Let me.",
        "reasoning_content": "Hm. So.",
        "thinking_blocks": [
            {"type": "thinking", "thinking": "Hm. So.", "signature": "sig", "index": 0},
            {"type": "redacted_thinking", "data": "xyz", "index": 1},
        ],
        "tool_calls": {
            0: {"id": "toolu_1", "name": "look", "arguments": '{"a":1}'},
            1: {"id": "toolu_2", "name": "see", "arguments": "{}"},
        },
        "finish_reason": "tool_calls",
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 5,
            "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }
    assert payloads[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert payloads[-1]["choices"] == []
    assert {payload["model"] for payload in payloads} == {"claude"}
    assert events_of(stream)[-1] == b"data: [DONE]\n\n"


def test_blocks_that_cannot_be_written_are_named_once_for_the_log() -> None:
    result = ChatResult(ANTHROPIC)
    target = OpenAIChat().writer(exchange(read(ask(stream=True))), result)

    written(target, [Chunk(foreign="server_tool_use")] * 2 + THOUGHTFUL)

    assert result.dropped == ["server_tool_use"]


def test_all_that_was_written_to_the_cache_is_told_as_one_number() -> None:
    usage = Usage(100, 1, 10, cache_write_input_tokens=20, cache_write_1h_input_tokens=30)

    details = usage_json(usage)["prompt_tokens_details"]

    assert details == {"cached_tokens": 10, "cache_write_tokens": 50}


def test_usage_is_written_for_those_only_who_asked() -> None:
    assert b"prompt_tokens" not in written(writer(), THOUGHTFUL)


def test_a_chunk_with_several_things_is_written_in_order() -> None:
    chunk = Chunk(
        thinking="Hm.", text="held back", finish_reason="stop", usage=Usage(1, 2), is_last=True
    )

    stream = written(writer(usage=True), [chunk])

    words, finish, usage = payloads_of(stream)
    assert words["choices"][0]["delta"] == {
        "role": "assistant",
        "content": "held back",
        "reasoning_content": "Hm.",
    }
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["usage"]["completion_tokens"] == 2
    assert stream.endswith(b"data: [DONE]\n\n")


def test_nothing_follows_an_error_and_no_end_is_invented() -> None:
    target = writer()
    target.chunk(Chunk(id="x", text="Hel"))

    end = target.error(ProviderError("it broke off", kind="incomplete"))

    assert payloads_of(end) == [
        {
            "error": {
                "message": "it broke off",
                "type": "server_error",
                "param": None,
                "code": "incomplete",
            }
        }
    ]
    assert target.chunk(Chunk(text="lo", finish_reason="stop", is_last=True)) == b""


def event(delta: Json, *, index: int = 0, finish: str | None = None, **more: Any) -> Chunk:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    payload: Json = {"id": "cmpl_1", "object": "chat.completion.chunk", "created": 7, "model": "m",
                     "system_fingerprint": "fp", "choices": [choice], **more}  # fmt: skip
    chunk = Chunk(raw=b"data: " + orjson.dumps(payload) + b"\n\n", payload=payload, id="cmpl_1")
    if index:
        chunk.other_text = delta.get("content", "")
    else:
        chunk.text = delta.get("content", "")
    chunk.finish_reason = "stop" if finish and not index else None
    return chunk


def test_a_rewritten_chunk_stands_between_untouched_ones_as_if_it_were_the_providers() -> None:
    first, last = event({"role": "assistant", "content": "my "}), event({}, finish="stop")
    masked = replace(event({"content": "pin"}), raw=None, text="***")

    stream = written(writer(OURS), [first, masked, last])

    before, middle, after = events_of(stream)
    assert (before, after) == (first.raw, last.raw)
    assert orjson.loads(middle[6:]) == {
        "id": "cmpl_1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "m",
        "system_fingerprint": "fp",
        "choices": [
            {"index": 0, "delta": {"content": "***"}, "logprobs": None, "finish_reason": None}
        ],
    }


def test_words_of_other_choices_stay_where_they_were() -> None:
    untouched = replace(event({"content": "other"}, index=2), raw=None)
    masked = replace(event({"content": "pin"}, index=2), raw=None, other_text="***")

    payloads = payloads_of(written(writer(OURS), [untouched, masked]))

    assert [it["choices"][0]["delta"] for it in payloads] == [
        {"content": "other"},
        {"content": "***"},
    ]
    assert {it["choices"][0]["index"] for it in payloads} == {2}


def test_a_stream_that_was_never_ended_by_the_provider_is_ended_by_us() -> None:
    stream = written(writer(OURS), [event({"content": "Hi"}, finish="stop"), Chunk(is_last=True)])

    assert events_of(stream)[-1] == b"data: [DONE]\n\n"
