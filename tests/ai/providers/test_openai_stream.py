from __future__ import annotations

from typing import Any

import orjson
import pytest

from hyperstrate.ai.providers.openai import OpenAI
from hyperstrate.shared import sse
from hyperstrate.shared.chat import Chunk, Json, ToolCallDelta, Usage
from hyperstrate.shared.errors import ProviderError
from tests.openai_calls import read

DONE = b"data: [DONE]\n\n"


def event(delta: Json | None = None, *, index: int = 0, finish: Any = None, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return sse.event(orjson.dumps({"id": "x", "model": "m", "choices": [choice], **more}))


END = event(finish="stop")


def chunks(*events: bytes) -> list[Chunk]:
    chat = read({"messages": [{"role": "user", "content": "Hi"}], "stream": True})
    return list(OpenAI("OPENAI").chunks(events, chat))


def test_reads_each_event_and_keeps_its_bytes() -> None:
    events = [
        event({"role": "assistant", "content": ""}),
        event({"reasoning_content": "Hm"}),
        event({"content": "Yes"}),
        event({"content": "No"}, index=1),
        event({"refusal": "I"}),
        END,
        DONE,
    ]

    read = chunks(*events)

    assert [chunk.raw for chunk in read] == events
    role, thought, words, other, refusal, end, last = read
    assert role.is_preamble
    assert not any(chunk.is_preamble for chunk in read[1:])
    assert (thought.thinking, words.text, other.other_text, refusal.refusal) == (
        "Hm", "Yes", "No", "I",
    )  # fmt: skip
    assert (end.finish_reason, end.finish_detail) == ("refusal", "stop")
    assert last.is_last
    assert (words.id, words.model) == ("x", "m")


def test_tool_calls_come_in_pieces() -> None:
    whole = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": ""}}
    read = chunks(
        event({"tool_calls": [{"index": 0, **whole}]}),
        event({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
        event({"tool_calls": [whole, {"id": "c2", "function": {"name": "see", "arguments": {}}}]}),
        END,
        DONE,
    )

    assert [chunk.tool_calls for chunk in read[:3]] == [
        (ToolCallDelta(0, "c1", "look", ""),),
        (ToolCallDelta(0, arguments='{"a"'),),
        (ToolCallDelta(0, "c1", "look", ""), ToolCallDelta(1, "c2", "see", "{}")),
    ]
    assert (read[3].finish_reason, read[3].finish_detail) == ("tool_calls", "stop")


@pytest.mark.parametrize(
    ("delta", "text", "thinking"),
    [
        ({"reasoning": "Hm"}, "", "Hm"),
        ({"content": [{"type": "thinking", "thinking": [{"text": "Hm"}]}]}, "", "Hm"),
        ({"content": [{"type": "text", "text": "Yes"}]}, "Yes", ""),
        ({"content": None, "reasoning": None}, "", ""),
    ],
)  # fmt: skip
def test_thoughts_come_by_many_names(delta: Json, text: str, thinking: str) -> None:
    first = chunks(event(delta), END, DONE)[0]

    assert (first.text, first.thinking) == (text, thinking)


def test_a_seal_comes_in_a_block() -> None:
    first = chunks(event({"thinking_blocks": [{"thinking": "Hm", "signature": "sig"}]}), END)[0]

    assert first.signature == "sig"


@pytest.mark.parametrize(
    "more",
    [{"usage": {"prompt_tokens": 3}}, {"usage": None, "x_groq": {"usage": {"prompt_tokens": 3}}}],
)
def test_usage_comes_where_each_provider_puts_it(more: Json) -> None:
    assert chunks(event(finish="stop", **more), DONE)[0].usage == Usage(3)


def test_explicit_zeros_are_kept_and_silence_is_silence() -> None:
    read = chunks(event(finish="stop", usage={"prompt_tokens": 0}), END, DONE)

    assert [chunk.usage for chunk in read] == [Usage(), None, None]


def test_comments_are_preamble_and_pass() -> None:
    comment = b": OPENROUTER PROCESSING\n\n"

    first = chunks(comment, END, DONE)[0]

    assert first == Chunk(raw=comment, is_preamble=True)


def test_what_we_have_no_field_for_is_still_an_answer() -> None:
    first = chunks(event({"audio": {"data": "AAAA"}}), END, DONE)[0]

    assert not first.is_preamble


def test_early_usage_does_not_make_a_role_an_answer() -> None:
    first = chunks(event({"role": "assistant"}, usage={"prompt_tokens": 3}), END, DONE)[0]

    assert first.is_preamble


def test_a_finished_stream_that_never_says_so_is_whole() -> None:
    read = chunks(event({"content": "Yes"}), END)

    assert read[-1] == Chunk(is_last=True)


@pytest.mark.parametrize("events", [[], [event({"content": "Ye"})], [b": ping\n\n"]])
def test_a_stream_that_breaks_off_is_incomplete(events: list[bytes]) -> None:
    with pytest.raises(ProviderError) as caught:
        chunks(*events)

    assert caught.value.kind == "incomplete"


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b'"x"', b'{"choices":7}', b'{"choices":[7]}', b"<html>",
     b'{"choices":[{"delta":{"tool_calls":7}}]}'],
)  # fmt: skip
def test_an_event_that_cannot_be_read_is_a_bad_answer(data: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        chunks(event({"content": "Ye"}), b"data: " + data + b"\n\n")

    assert caught.value.kind == "bad_answer"


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"code": 529, "message": "busy"}, "overloaded", 529),
        ({"code": "rate_limit_exceeded", "message": "busy"}, "server_error", 502),
        ("busy", "server_error", 502),
    ],
)
def test_an_error_event_is_an_error(error: Any, kind: str, status: int) -> None:
    broken = b"data: " + orjson.dumps({"error": error}) + b"\n\n"

    with pytest.raises(ProviderError, match="busy") as caught:
        chunks(event({"content": "Ye"}), broken, DONE)

    assert (caught.value.kind, caught.value.status) == (kind, status)


def test_a_finish_that_means_broken_off_is_an_error() -> None:
    with pytest.raises(ProviderError, match="broke off"):
        chunks(event({"content": "Ye"}), event(finish="error"))
