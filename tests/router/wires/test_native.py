from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from hyperstrate.router.stage import Exchange
from hyperstrate.router.wires.native import Native
from hyperstrate.shared.chat import (
    ChatResult,
    Chunk,
    Dialect,
    Image,
    Json,
    Message,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from hyperstrate.shared.errors import BadRequest, ProviderError
from tests.openai_calls import exchange, payloads_of
from tests.router.conftest import make_target


def messages(body: Json) -> list[Message]:
    return Native().read(body).chat.conversation.messages


def test_reads_prompts_history_and_pictures() -> None:
    fields = {
        "prompt": "And {{city}}? {{unknown}}",
        "systemPrompt": "Be {{mood}}.",
        "_history": '[{"Role":"User","Content":"Hi"},{"role":"assistant","content":"Yes?"}]',
        "image": '["https://a.test/1.png","https://a.test/2.png"]',
        "city": "Rome",
        "mood": "brief",
    }

    inquiry = Native().read({"fields": fields, "bypassCache": True, "modelId": "mdl_1"})

    assert inquiry.chat.conversation.messages == [
        Message("system", [Text("Be brief.")]),
        Message("user", [Text("Hi")]),
        Message("assistant", [Text("Yes?")]),
        Message(
            "user",
            [
                Image(url="https://a.test/1.png"),
                Image(url="https://a.test/2.png"),
                Text("And Rome? {{unknown}}"),
            ],
        ),
    ]
    assert inquiry.variables["city"] == "Rome"
    assert (inquiry.model, inquiry.bypass_cache) == ("mdl_1", True)


def test_reads_a_history_with_tools() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    turns = [
        {"role": "user", "content": "Hi", "tool_name": ""},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
    ]

    read = messages({"fields": {}, "history": turns})

    assert read[1].parts == [Text(""), ToolCall("c1", "look", "{}")]
    assert read[2].parts == [ToolResult("c1", [Text("42")])]


def test_options_are_openais_and_the_gateways_own_go_no_further() -> None:
    options = {
        "temperature": 0.5,
        "max_tokens": 9,
        "stop": "END",
        "presence_penalty": 1,
        "session_id": "s1",
        "agent": "aider",
        "repo": "r",
        "_internal": 1,
    }

    inquiry = Native().read({"fields": {"prompt": "Hi"}, "options": options})

    conversation = inquiry.chat.conversation
    assert (conversation.temperature, conversation.max_output_tokens) == (0.5, 9)
    assert conversation.stop == ["END"]
    assert conversation.extra == {"presence_penalty": 1}
    assert inquiry.session == {"session_id": "s1", "agent": "aider"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "fields.prompt"),
        ({"fields": {"city": "Rome"}}, "fields.prompt"),
        ({"fields": []}, "fields"),
        ({"fields": {"prompt": 7}}, "fields.prompt"),
        ({"fields": {"prompt": "Hi"}, "options": []}, "options"),
        ({"fields": {"prompt": "Hi"}, "history": {}}, "history"),
        ({"fields": {"prompt": "Hi"}, "bypassCache": "yes"}, "bypassCache"),
        ({"fields": {"prompt": "Hi"}, "modelId": 7}, "modelId"),
    ],
)
def test_refuses_a_wrong_shape_and_names_the_field(body: Json, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        Native().read(body)

    assert list(caught.value.fields) == [field]


@pytest.mark.parametrize(
    ("fields", "options", "place"),
    [
        ({"_history": "[1"}, {}, "fields._history"),
        ({"_history": "{}"}, {}, "fields._history"),
        ({"_history": "[1]"}, {}, "fields._history[0]"),
        ({"_history": '[{"role":"king","content":"x"}]'}, {}, "fields._history[0].role"),
        ({"prompt": "Hi", "image": "[1]"}, {}, "fields.image"),
        ({"prompt": "Hi"}, {"temperature": "hot"}, "temperature"),
    ],
)
def test_what_cannot_be_read_is_named(fields: Json, options: Json, place: str) -> None:
    chat = Native().read({"fields": fields, "options": options}).chat

    with pytest.raises(BadRequest) as caught:
        _ = chat.conversation

    assert list(caught.value.fields) == [place]


def asked() -> Exchange:
    passing = exchange(Native().read({"fields": {"prompt": "Hi"}}).chat)
    passing.target = make_target("one")
    passing.step("strategy", "Target Selection", "selected", phase=5)
    return passing


def answer(**values: Any) -> ChatResult:
    given: Json = {
        "parts": [Text("Good "), Text("day"), ToolCall("c1", "look", "{}")],
        "finish_reason": "tool_calls",
        "usage": Usage(10, 5, 4, 3, 2),
        "cost_usd": Decimal("0.0125"),
    }
    return ChatResult(Dialect.OPENAI_CHAT, **{**given, **values})


SUMMARY: Json = {
    "toolCalls": [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    ],
    "inputTokens": 10,
    "outputTokens": 5,
    "cachedInputTokens": 4,
    "cacheWriteInputTokens": 3,
    "cacheWrite1hInputTokens": 2,
    "costUsd": 0.0125,
    "selectedModelId": "mdl_one",
    "selectedTargetId": "tgt_one",
    "modelDefKey": "openai.one",
    "provider": "OPENAI",
    "finishReason": "tool_calls",
}


def test_writes_the_result_with_its_trace() -> None:
    passing = asked()

    written = orjson.loads(Native().result(passing, answer()))

    steps = written.pop("pipelineSteps")
    assert written == {"content": "Good day", **SUMMARY}
    assert [step["name"] for step in steps] == ["Target Selection"]


def test_an_answer_that_no_target_gave_names_none() -> None:
    passing = asked()
    passing.target = None

    written = orjson.loads(Native().result(passing, answer()))

    assert written["selectedModelId"] == ""


def test_a_stream_is_pieces_and_a_summary() -> None:
    writer = Native().writer(asked(), answer())

    written = b"".join(
        writer.chunk(chunk)
        for chunk in (
            Chunk(raw=b": ping\n\n", is_preamble=True),
            Chunk(raw=b"data: {}\n\n", text="Good "),
            Chunk(text="day", finish_reason="stop", is_last=True),
        )
    )

    assert payloads_of(written) == [
        {"delta": "Good ", "done": False},
        {"delta": "day", "done": False},
        {"delta": "", "done": True, "selectedModelDefKey": "openai.one", **SUMMARY},
    ]


def test_errors_are_said_in_the_apis_envelope() -> None:
    wrong = Native().error(BadRequest("no", fields={"fields": ["no"]}), "req_1")
    late = Native().error(ProviderError("slow", kind="timeout"), "req_1")
    broken = Native().writer(asked(), answer()).error(ProviderError("slow", kind="timeout"))

    assert (wrong.status, wrong.body) == (400, b'{"error":"no","fields":{"fields":["no"]}}')
    assert (late.status, late.body) == (504, b'{"error":"slow"}')
    assert broken == b'data: {"error":"slow"}\n\n'
