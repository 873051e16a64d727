from __future__ import annotations

from hyperstrate.shared.chat import (
    Document,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from tests.anthropic_calls import HI, fitted

OLD, MIDDLE, NEW = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8"


def test_all_system_prompts_go_before_the_turns_in_their_order() -> None:
    marked = Text("B", {"cache_control": {"type": "ephemeral"}})
    messages = [Message("system", [Text("A")]), HI, Message("system", [marked]), HI]

    body, _ = fitted(messages)

    assert body["system"] == [
        {"type": "text", "text": "A"},
        {"type": "text", "text": "B", "cache_control": {"type": "ephemeral"}},
    ]
    assert [turn["role"] for turn in body["messages"]] == ["user"]


def test_a_system_prompt_alone_is_said_by_the_user() -> None:
    body, _ = fitted([Message("system", [Text("Say hello")])])

    assert body["messages"] == [{"role": "user", "content": "Say hello"}]
    assert "system" not in body


def test_results_of_parallel_calls_come_first_in_one_turn_of_the_user() -> None:
    calls = [ToolCall("call:1", "f", '{"b":1,"a":2}'), ToolCall("call_2", "g", '{"broken')]
    messages = [
        HI,
        Message("assistant", [Text("Looking"), *calls]),
        Message("user", [Text("Hurry")]),
        Message("tool", [ToolResult("call:1", [Text("one")])]),
        Message("tool", [ToolResult("call_2", [Text(""), Image(data="aGk=", media_type="i/p")])]),
        Message("user", [Text("Well?")]),
    ]

    turns = fitted(messages)[0]["messages"]

    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == [
        {"type": "text", "text": "Looking"},
        {"type": "tool_use", "id": "call_1", "name": "f", "input": {"b": 1, "a": 2}},
        {"type": "tool_use", "id": "call_2", "name": "g", "input": {"INVALID_JSON": '{"broken'}},
    ]
    source = {"type": "base64", "media_type": "i/p", "data": "aGk="}
    assert turns[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1", "content": "one"},
        {
            "type": "tool_result",
            "tool_use_id": "call_2",
            "content": [{"type": "image", "source": source}],
        },
        {"type": "text", "text": "Hurry"},
        {"type": "text", "text": "Well?"},
    ]


def test_pictures_and_files_find_their_source() -> None:
    parts: list[Part] = [
        Image(url="data:image/png;base64,aGk="),
        Image(url="https://a.test/i.png", extra={"detail": "low"}),
        Document(data="JVBE", media_type="application/pdf", name="a.pdf"),
        Document(data="aGk=", media_type="text/markdown"),
        Document(data="/w==", media_type="text/plain"),
    ]

    body, dropped = fitted([Message("user", parts)])

    sources = [block["source"] for block in body["messages"][0]["content"]]
    assert sources == [
        {"type": "base64", "media_type": "image/png", "data": "aGk="},
        {"type": "url", "url": "https://a.test/i.png"},
        {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
        {"type": "text", "media_type": "text/plain", "data": "hi"},
        {"type": "base64", "media_type": "text/plain", "data": "/w=="},
    ]
    assert body["messages"][0]["content"][2]["title"] == "a.pdf"
    assert dropped == ("detail",)


def test_thoughts_go_back_with_their_signature_or_not_at_all_field_21() -> None:
    thoughts = [Thinking("kept", "sig"), Thinking(redacted="r"), Thinking("lost")]

    body, dropped = fitted([HI, Message("assistant", [Text("a"), *thoughts]), HI])

    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "kept", "signature": "sig"},
        {"type": "redacted_thinking", "data": "r"},
        {"type": "text", "text": "a"},
    ]
    assert dropped == ("thinking",)


def test_marks_for_the_cache_cross_over_field_22() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    tool = Tool("f", "d", {"type": "object", "properties": {}}, dict(mark))

    body, dropped = fitted([Message("user", [Text("Hi", dict(mark))])], tools=[tool])

    assert body["messages"][0]["content"] == [{"type": "text", "text": "Hi", **mark}]
    assert body["tools"][0]["cache_control"] == mark["cache_control"]
    assert dropped == ()
