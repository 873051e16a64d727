from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from hyperstrate.ai.providers.anthropic import Anthropic
from hyperstrate.router.wires.anthropic_messages import AnthropicMessages
from hyperstrate.shared.chat import ChatResult, Chunk, Json, ToolCallDelta, Usage
from hyperstrate.shared.errors import AppError, ProviderError
from tests.anthropic_calls import ABSENT, exchange, files, load, read
from tests.anthropic_streams import (
    ASK,
    END,
    OPENAI,
    OURS,
    call,
    events_of,
    message_of,
    payloads_of,
    shape,
    stream,
    text_block,
    writer,
    written,
)


def recorded(path: Path) -> list[Chunk]:
    events = events_of(load(path)["response"]["body"].encode())
    return list(Anthropic().chunks(events, read(ASK)))


@ABSENT
@pytest.mark.parametrize("path", files(".sse.json"))
def test_a_recorded_stream_passes_byte_by_byte(path: Path) -> None:
    chunks = recorded(path)
    target = writer(OURS)

    passed = [target.chunk(chunk) for chunk in chunks]

    assert passed == [chunk.raw for chunk in chunks]
    assert b"".join(passed).strip() == load(path)["response"]["body"].encode().strip()


@ABSENT
@pytest.mark.parametrize("path", files(".sse.json"))
def test_a_recorded_stream_written_anew_makes_the_same_message(path: Path) -> None:
    chunks = [replace(chunk, raw=None) for chunk in recorded(path)]

    payloads = written(chunks, OURS)

    expected = message_of(payloads_of(load(path)["response"]["body"].encode()))
    assert without_zeros(message_of(payloads)) == without_zeros(expected)


@ABSENT
@pytest.mark.parametrize("path", files(".sse.json"))
def test_a_recorded_stream_keeps_all_that_has_a_shape(path: Path) -> None:
    payloads = written(map(shape, recorded(path)), OURS)

    expected = message_of(payloads_of(load(path)["response"]["body"].encode()))
    message = message_of(payloads)
    assert joined(message) == joined(expected)
    assert message["stop_reason"] == expected["stop_reason"]
    assert message["usage"]["output_tokens"] == expected["usage"]["output_tokens"]
    assert message["usage"]["input_tokens"] == expected["usage"]["input_tokens"]


def joined(message: Json) -> list[tuple[Any, ...]]:
    """The blocks that have a shape; texts in sequence are one."""
    found: list[tuple[Any, ...]] = []
    for block in message["content"]:
        if block["type"] == "text" and found and found[-1][0] == "text":
            found[-1] = ("text", found[-1][1] + block["text"])
        elif block["type"] == "text":
            found.append(("text", block["text"]))
        elif block["type"] == "thinking":
            found.append(("thinking", block["thinking"], block["signature"]))
        elif block["type"] == "tool_use":
            found.append(("tool_use", block["id"], block["name"], block["input"]))
    return found


def without_zeros(message: Json) -> Json:
    """A message whose usage and marks leave out what is nothing."""
    usage = {key: value for key, value in message["usage"].items() if value}
    return {**{key: value for key, value in message.items() if value is not None}, "usage": usage}


def test_an_openai_stream_becomes_a_message() -> None:
    payloads = written(
        [
            Chunk(id="chatcmpl-1", model="gpt-5", is_preamble=True),
            Chunk(thinking="Hmm"),
            Chunk(text="Hel"),
            Chunk(text="lo"),
            call(0, name="f"),
            call(0, '{"a"'),
            call(0, ":1}"),
            *END,
        ]
    )

    assert message_of(payloads) == {
        "id": "chatcmpl-1",
        "type": "message",
        "role": "assistant",
        "model": "gpt-5",
        "content": [
            {"type": "thinking", "thinking": "Hmm", "signature": ""},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "call_0", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 9,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "output_tokens": 4,
        },
    }


def test_thoughts_never_stand_in_a_text_block_field_19() -> None:
    chunks = [Chunk(text="a"), Chunk(thinking="b", text="c"), Chunk(thinking="d"), *END]

    payloads = written([Chunk(is_preamble=True), Chunk(is_preamble=True), *chunks])

    kinds = [block["type"] for block in message_of(payloads)["content"]]
    assert kinds == ["text", "thinking", "text", "thinking"]


def test_there_is_one_message_start_however_often_the_source_begins_field_19() -> None:
    chunks = stream(*text_block(0, "a"))

    payloads = written([chunks[0], *chunks], OURS)

    assert message_of(payloads)["content"] == [{"type": "text", "text": "a"}]


def test_arguments_that_come_in_one_piece_are_not_lost_field_20() -> None:
    payloads = written([call(0, '{"city": "Ulm"}', name="f"), *END])

    assert message_of(payloads)["content"][0]["input"] == {"city": "Ulm"}


def test_input_that_anthropic_gave_with_the_start_is_not_lost_field_20() -> None:
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {"city": "Ulm"}}
    start = {"type": "content_block_start", "index": 0, "content_block": block}
    stop = {"type": "content_block_stop", "index": 0}

    payloads = written([shape(chunk) for chunk in stream(start, stop)], OURS)

    assert message_of(payloads)["content"] == [block]


def test_a_signature_keeps_every_byte_field_21() -> None:
    signature = "EqQBCkYIBBgC+/=" * 50

    payloads = written([Chunk(thinking="h"), Chunk(signature=signature), Chunk(text="t"), *END])

    block = message_of(payloads)["content"][0]
    assert block == {"type": "thinking", "thinking": "h", "signature": signature}


def test_cached_tokens_are_told_at_the_end_of_a_stream_field_22() -> None:
    usage = Usage(100, 5, cached_input_tokens=70, cache_write_input_tokens=20)

    payloads = written([Chunk(text="t"), Chunk(usage=usage), Chunk(is_last=True)])

    said = payloads[-2]["usage"]
    assert said["input_tokens"] == 10
    assert (said["cache_read_input_tokens"], said["cache_creation_input_tokens"]) == (70, 20)


def test_reasoning_of_another_dialect_is_shown_as_thinking_field_23() -> None:
    payloads = written([Chunk(thinking="Because"), Chunk(text="42"), *END])

    assert message_of(payloads)["content"][0]["thinking"] == "Because"


def test_pieces_of_parallel_calls_may_come_in_any_order() -> None:
    chunks = [
        call(0, '{"a"', name="f"),
        call(1, '{"b"', name="g"),
        call(0, ":1"),
        call(2, "{}", name="h"),
        call(1, ":2}"),
        Chunk(text="after"),
        call(0, "}"),
    ]

    blocks = message_of(written([*chunks, *END]))["content"]

    assert [(it.get("name"), it.get("input")) for it in blocks] == [
        ("f", {"a": 1}),
        ("g", {"b": 2}),
        ("h", {}),
        (None, None),
    ]


def test_a_call_in_order_is_not_held_back() -> None:
    target = writer()
    target.chunk(call(0, '{"a":1}', name="f"))

    begun = payloads_of(target.chunk(call(1, '{"b"', name="g")))

    assert [it["type"] for it in begun] == [
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
    ]


def test_a_call_without_identity_gets_one() -> None:
    nameless = Chunk(tool_calls=(ToolCallDelta(3, name="f", arguments="{}"),))

    payloads = written([nameless, *END])

    assert message_of(payloads)["content"][0]["id"] == "toolu_req_1_3"


def test_a_refusal_is_told_as_one() -> None:
    message = message_of(written([Chunk(refusal="I will not"), *END]))

    assert message["content"] == [{"type": "text", "text": "I will not"}]
    assert message["stop_reason"] == "refusal"


def test_a_stop_sequence_is_named() -> None:
    chunks = [
        Chunk(text="t"),
        Chunk(finish_reason="stop", stop_sequence="END"),
        Chunk(is_last=True),
    ]

    message = message_of(written(chunks))

    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")


def test_no_finish_is_invented() -> None:
    payloads = written([Chunk(text="t"), Chunk(is_last=True)])

    assert payloads[-2]["delta"]["stop_reason"] is None


def test_words_of_further_choices_are_named_once_for_the_log() -> None:
    result = ChatResult(OPENAI)
    target = AnthropicMessages().writer(exchange(), result)

    for chunk in (Chunk(other_text="a"), Chunk(text="b"), Chunk(other_text="c")):
        target.chunk(chunk)

    assert result.dropped == ["choices"]


def test_an_answer_without_content_is_a_whole_message() -> None:
    assert message_of(written(END))["content"] == []


def test_text_held_back_and_released_with_the_finish_gets_its_block() -> None:
    chunks = stream(*text_block(0, "secret", " words"), *text_block(1, "tail"))
    held, finish = chunks[2:4], chunks[-2]
    kept = [chunk for chunk in chunks if chunk not in held and chunk is not finish]
    released = replace(finish, raw=None, payload=None, text="[masked]")

    payloads = written([*kept[:-1], released, kept[-1]], OURS)

    texts = [block["text"] for block in message_of(payloads)["content"]]
    assert texts == ["", "tail", "[masked]"]


def test_a_rewritten_word_never_comes_back_from_the_payload() -> None:
    chunks = stream(*text_block(0, "my secret", " is"))
    chunks[2] = replace(chunks[2], raw=None, text="my [masked]")

    payloads = written(chunks, OURS)

    assert message_of(payloads)["content"] == [{"type": "text", "text": "my [masked] is"}]
    assert b"secret" not in orjson.dumps(payloads)


def test_a_block_that_was_taken_away_leaves_no_hole() -> None:
    chunks = stream(*text_block(0, "a"), *text_block(1, "b"), *text_block(2, "c"))

    payloads = written([*chunks[:4], *chunks[7:]], OURS)

    assert [block["text"] for block in message_of(payloads)["content"]] == ["a", "c"]


def test_blocks_of_anthropic_alone_survive_a_rewritten_neighbour() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    piece = {"type": "input_json_delta", "partial_json": '{"query":"q"}'}
    cited = {"type": "citations_delta", "citation": {"url": "https://a.test"}}
    chunks = stream(
        *text_block(0, "a"),
        {"type": "content_block_start", "index": 1, "content_block": search},
        {"type": "content_block_delta", "index": 1, "delta": piece},
        {"type": "content_block_stop", "index": 1},
        *text_block(2, "b")[:-1],
        {"type": "content_block_delta", "index": 2, "delta": cited},
        {"type": "content_block_stop", "index": 2},
    )
    extra = Chunk(text="warning")

    content = message_of(written([chunks[0], extra, *chunks[1:]], OURS))["content"]

    assert [block["type"] for block in content] == ["text", "text", "server_tool_use", "text"]
    assert content[2]["input"] == {"query": "q"}
    assert content[3] == {"type": "text", "text": "b", "citations": [cited["citation"]]}


def test_a_ping_and_an_event_that_is_not_known_yet_pass_at_any_time() -> None:
    target = writer(OURS)
    target.chunk(Chunk(text="rewritten"))

    ping = Chunk(raw=b"event: ping\ndata: {}\n\n", payload={"type": "ping"}, is_preamble=True)
    comment = Chunk(raw=b": hello\n\n", is_preamble=True)

    assert target.chunk(ping) == ping.raw
    assert target.chunk(comment) == comment.raw


def test_an_error_is_the_last_word() -> None:
    target = writer()
    target.chunk(Chunk(text="t"))

    said = target.error(ProviderError("cut off", kind="incomplete"))

    assert said.startswith(b"event: error\n")
    assert payloads_of(said)[0]["error"] == {"type": "api_error", "message": "cut off"}
    assert target.chunk(Chunk(text="more")) == b""
    assert target.chunk(Chunk(is_last=True)) == b""


def test_the_providers_own_error_event_is_passed_whole() -> None:
    body = b'{"type": "error",\n "error": {"type": "overloaded_error", "message": "Overloaded"}}'
    error = ProviderError("Overloaded", kind="overloaded", body=body, dialect=OURS)

    said = writer(OURS).error(error)

    assert payloads_of(said) == [orjson.loads(body)]
    assert said.count(b"\n") == 3


def test_our_own_error_has_its_type() -> None:
    said = writer().error(AppError("broken"))

    assert payloads_of(said)[0]["request_id"] == "req_1"
