from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from hyperstrate.router.wires.base import StreamWriter
from hyperstrate.router.wires.openai_chat import OpenAIChat
from hyperstrate.shared.chat import (
    ChatResult,
    Chunk,
    Dialect,
    Foreign,
    Json,
    Reasoning,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    Usage,
)
from hyperstrate.shared.errors import (
    AppError,
    BadRequest,
    NotFound,
    PaymentRequired,
    ProviderError,
    TooManyRequests,
)
from tests.openai_calls import events_of, exchange, message_of, payloads_of, read

OURS, ANTHROPIC = Dialect.OPENAI_CHAT, Dialect.ANTHROPIC_MESSAGES
HI: list[Json] = [{"role": "user", "content": "Hi"}]


def ask(**fields: Any) -> Json:
    return {"model": "support", "messages": HI, **fields}


def test_reads_what_everybody_relies_on_and_no_more() -> None:
    body = ask(stream=True, metadata={"agent": "aider", "turn_index": 3, "note": "x"})

    inquiry = OpenAIChat().read(body)

    assert inquiry.chat.body is body
    assert inquiry.chat.stream
    assert inquiry.model == "support"
    assert inquiry.session == {"agent": "aider", "turn_index": 3}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [*HI, "Hi"]}, "messages[1]"),
        ({"messages": [{"role": 1}]}, "messages[0]"),
        (ask(model=7), "model"),
        (ask(stream="yes"), "stream"),
    ],
)
def test_refuses_a_wrong_shape_and_names_the_field(body: Json, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        OpenAIChat().read(body)

    assert list(caught.value.fields) == [field]


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("messages", [{"role": "user", "content": 7}], "messages[0].content"),
        ("temperature", "hot", "temperature"),
        ("temperature", True, "temperature"),
        ("max_tokens", 1.5, "max_tokens"),
        ("stop", [1], "stop"),
        ("tools", {}, "tools"),
        ("tools", [{"type": "function"}], "tools[0].function.name"),
        ("tool_choice", {"type": "function"}, "tool_choice.function.name"),
        ("parallel_tool_calls", "no", "parallel_tool_calls"),
        ("reasoning_effort", 3, "reasoning_effort"),
    ],
)
def test_what_cannot_be_read_is_named_when_somebody_reads_it(
    field: str, value: Any, place: str
) -> None:
    chat = read(ask(**{field: value}))

    with pytest.raises(BadRequest) as caught:
        _ = chat.conversation

    assert list(caught.value.fields) == [place]


def test_settings_are_understood_and_the_rest_is_kept() -> None:
    parameters = {"type": "object", "properties": {}}
    function = {"name": "look", "description": "Looks", "parameters": parameters, "strict": True}
    schema = {"name": "city", "schema": {"type": "object"}, "strict": True}
    body = ask(
        max_completion_tokens=9,
        temperature=0,
        top_p=0.5,
        stop="END",
        seed=7,
        user="ann",
        reasoning_effort="low",
        tools=[{"type": "function", "function": function}, {"type": "web_search"}],
        tool_choice={"type": "function", "function": {"name": "look"}},
        parallel_tool_calls=False,
        response_format={"type": "json_schema", "json_schema": schema},
        logit_bias={"1": 2},
        n=2,
        logprobs=None,
    )

    conversation = read(body).conversation

    tool = Tool("look", "Looks", parameters, {"strict": True})
    assert conversation.tools == [tool, Foreign(OURS, {"type": "web_search"})]
    assert conversation.tool_choice == ToolChoice("tool", "look", parallel=False)
    assert conversation.response_format == ResponseFormat(
        "json_schema", {"type": "object"}, "city", strict=True
    )
    assert (conversation.max_output_tokens, conversation.seed) == (9, 7)
    assert (conversation.temperature, conversation.top_p) == (0, 0.5)
    assert (conversation.stop, conversation.user) == (["END"], "ann")
    assert conversation.reasoning == Reasoning("low")
    assert conversation.extra == {"logit_bias": {"1": 2}, "n": 2}


def answer(**values: Any) -> ChatResult:
    given: Json = {
        "finish_reason": "stop",
        "usage": Usage(10, 5, 4, 0, 0, 2),
        "id": "x",
        "model": "m",
    }
    return ChatResult(ANTHROPIC, **{**given, **values})


def completion(result: ChatResult) -> Json:
    written: Json = orjson.loads(OpenAIChat().result(exchange(read(ask())), result))
    return written


def test_an_answer_of_another_dialect_is_written_whole() -> None:
    call = ToolCall("toolu_1", "look", '{"a":  1}')
    parts = [Thinking("Hm.", "sig"), Text("Let "), Text("me."), call]

    written = completion(answer(parts=parts, finish_reason="tool_calls"))

    created = written.pop("created")
    assert isinstance(created, int)
    assert written == {
        "id": "x",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Let me.",
                    "reasoning_content": "Hm.",
                    "thinking_blocks": [
                        {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
                    ],
                    "tool_calls": [
                        {
                            "id": "toolu_1",
                            "type": "function",
                            "function": {"name": "look", "arguments": '{"a":  1}'},
                        }
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }


def test_content_is_null_only_beside_tool_calls() -> None:
    with_call = completion(answer(parts=[ToolCall("a", "b", "{}")]))
    without = completion(answer(parts=[]))

    assert with_call["choices"][0]["message"]["content"] is None
    assert without["choices"][0]["message"]["content"] == ""


def test_an_answer_without_a_name_gets_ours() -> None:
    written = completion(answer(id="", model=""))

    assert (written["id"], written["model"]) == ("chatcmpl-req_1", "support")


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("refusal", "content_filter"),
        ("pause", "stop"),
        (None, None),
    ],
)
def test_reasons_of_others_are_said_in_ours(reason: Any, word: str | None) -> None:
    written = completion(answer(finish_reason=reason, finish_detail="end_turn"))

    assert written["choices"][0]["finish_reason"] == word


def own_answer() -> ChatResult:
    message = {"role": "assistant", "content": "my pin", "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": []}}
    other = {**choice, "index": 1, "message": {**message, "content": "other"}}
    body: Json = {"id": "x", "object": "chat.completion", "created": 1, "model": "m",
                  "choices": [choice, other], "service_tier": "flex",
                  "usage": {"prompt_tokens": 1}}  # fmt: skip
    return ChatResult(
        OURS,
        parts=[Text("my pin")],
        others=[[Text("other")]],
        finish_reason="stop",
        finish_detail="stop",
        body=body,
    )


def test_a_choice_that_a_stage_changed_brings_nothing_of_the_old_words() -> None:
    result = own_answer()
    result.parts = [Text("my ***")]
    result.finish_reason = "content_filter"

    written = completion(result)

    assert written["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "my ***"},
        "logprobs": None,
        "finish_reason": "content_filter",
    }
    assert written["choices"][1] == own_answer().body["choices"][1]
    assert written["service_tier"] == "flex"


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


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (
            BadRequest("no", fields={"model": ["no"]}),
            400,
            "invalid_request_error",
            "invalid_request",
        ),
        (PaymentRequired("no"), 402, "insufficient_quota", "budget_exceeded"),
        (NotFound("no"), 404, "not_found_error", "not_found"),
        (TooManyRequests("no"), 429, "rate_limit_error", "rate_limited"),
        (AppError("no"), 500, "server_error", "internal_error"),
        (ProviderError("no", kind="overloaded"), 529, "server_error", "overloaded"),
        (ProviderError("no", kind="cancelled"), 499, "invalid_request_error", "cancelled"),
        (
            ProviderError("no", kind="rate_limited", body=b"{}"),
            429,
            "rate_limit_error",
            "rate_limited",
        ),
    ],
)
def test_errors_are_said_in_openais_words(
    error: AppError | ProviderError, status: int, kind: str, code: str
) -> None:
    reply = OpenAIChat().error(error, "req_1")

    said = orjson.loads(reply.body)["error"]
    assert reply.status == status
    assert (said["message"], said["type"], said["code"]) == ("no", kind, code)
    assert said["param"] == ("model" if isinstance(error, BadRequest) else None)
