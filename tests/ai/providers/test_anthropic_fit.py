from __future__ import annotations

import pytest

from hyperstrate.ai.providers.anthropic import Anthropic
from hyperstrate.shared.chat import (
    ChatRequest,
    Conversation,
    Dialect,
    Foreign,
    Json,
    Message,
    Reasoning,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tests.anthropic_calls import HI, MODEL, fitted, on

OLD, MIDDLE, NEW = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8"


def test_a_plain_question_needs_little() -> None:
    body, dropped = fitted()

    assert body == {
        "model": "claude-x",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    assert dropped == ()


def test_the_limit_is_the_clients_then_the_models() -> None:
    assert fitted(max_output_tokens=7)[0]["max_tokens"] == 7
    assert fitted(model=on("m", max_output_tokens=64_000))[0]["max_tokens"] == 64_000


def test_parts_of_another_dialect_are_named() -> None:
    audio = Foreign(Dialect.OPENAI_CHAT, {"type": "input_audio"})
    custom = Foreign(Dialect.OPENAI_CHAT, {"type": "custom"})
    message = Message("user", [Text("Hi"), Text("  "), audio], {"name": "Ann"})

    body, dropped = fitted([message], tools=[custom], tool_choice=ToolChoice("auto"))

    assert body["messages"] == [{"role": "user", "content": "Hi"}]
    assert "tools" not in body
    assert "tool_choice" not in body
    assert dropped == ("messages.name", "input_audio", "tools.custom")


def test_tools_bring_their_schema_and_strictness() -> None:
    strict = Tool("f", "d", {"properties": {"a": {}}}, {"strict": True})
    tools = [strict, Tool("g")]

    on_new, dropped_on_new = fitted(tools=tools)
    on_old, dropped_on_old = fitted(tools=tools, model=on("claude-sonnet-4"))

    assert on_new["tools"] == [
        {
            "name": "f",
            "description": "d",
            "input_schema": {"type": "object", "properties": {"a": {}}},
            "strict": True,
        },
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert "strict" not in on_old["tools"][0]
    assert (dropped_on_new, dropped_on_old) == ((), ("tools.strict",))


def test_what_a_tool_says_besides_is_named() -> None:
    extra = {"type": None, "eager": True, "off": False, "function": {"mood": "good"}}

    body, dropped = fitted(tools=[Tool("f", extra=extra)])

    assert body["tools"][0].keys() == {"name", "input_schema"}
    assert dropped == ("tools.eager", "tools.mood")


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("auto"), {"type": "auto"}),
        (ToolChoice("required"), {"type": "any"}),
        (ToolChoice("none", parallel=False), {"type": "none"}),
        (ToolChoice("tool", "f"), {"type": "tool", "name": "f"}),
        (ToolChoice("auto", parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_the_choice_of_a_tool_is_in_its_words(choice: ToolChoice, expected: Json) -> None:
    body, _ = fitted(tools=[Tool("f")], tool_choice=choice)

    assert body["tool_choice"] == expected


def test_settings_are_cut_to_what_it_takes() -> None:
    body, dropped = fitted(
        model=on("claude-3-opus"), temperature=1.7, top_p=0.5, top_k=3, stop=["\n", "END"], user="u"
    )

    assert (body["temperature"], body["top_p"], body["top_k"]) == (1, 0.5, 3)
    assert body["stop_sequences"] == ["END"]
    assert body["metadata"] == {"user_id": "u"}
    assert dropped == ("stop", "temperature")


def test_newer_models_take_temperature_or_top_p_and_the_newest_neither() -> None:
    on_middle, dropped_on_middle = fitted(model=on(MIDDLE), temperature=0.2, top_p=0.5)
    on_new, dropped_on_new = fitted(model=on(NEW), temperature=0.2, top_p=0.5, top_k=3)

    assert on_middle["temperature"] == 0.2
    assert "top_p" not in on_middle
    assert dropped_on_middle == ("top_p",)
    assert not {"temperature", "top_p", "top_k"} & on_new.keys()
    assert dropped_on_new == ("temperature", "top_p", "top_k")


def test_what_it_has_no_words_for_is_named() -> None:
    extra = {
        "n": 2,
        "logprobs": True,
        "logit_bias": {"1": 1},
        "frequency_penalty": 0.5,
        "presence_penalty": 0,
        "store": False,
        "stream_options": {"include_usage": True},
    }

    body, dropped = fitted(seed=0, extra=extra, user="u" * 300)

    assert body.keys() == {"model", "max_tokens", "messages"}
    assert dropped == ("n", "logprobs", "logit_bias", "frequency_penalty", "seed", "user")


def test_one_choice_is_no_loss() -> None:
    assert fitted(extra={"n": 1})[1] == ()


def test_a_schema_is_enforced_and_its_objects_are_closed() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "string"}}}
    schema = {"type": "object", "properties": {"a": {"anyOf": [inner, {"type": "null"}]}}}

    body, dropped = fitted(model=on(OLD), response_format=ResponseFormat("json_schema", schema))

    written = body["output_config"]["format"]
    assert written["type"] == "json_schema"
    assert written["schema"]["additionalProperties"] is False
    assert written["schema"]["properties"]["a"]["anyOf"][0]["additionalProperties"] is False
    assert "additionalProperties" not in schema
    assert dropped == ()


def test_json_is_asked_for_in_words_where_it_cannot_be_enforced() -> None:
    schema = ResponseFormat("json_schema", {"type": "object"})
    prompt = Message("system", [Text("Be brief")])

    any_json, dropped = fitted([prompt, HI], response_format=ResponseFormat("json_object"))
    on_old, dropped_on_old = fitted(model=on("claude-3-5-haiku"), response_format=schema)

    assert [block["text"] for block in any_json["system"]] == [
        "Be brief",
        "Answer with one JSON object and nothing else.",
    ]
    assert on_old["system"].endswith('Its JSON Schema: {"type":"object"}')
    assert dropped == dropped_on_old == ("response_format",)
    assert fitted(response_format=ResponseFormat("text"))[1] == ()


def test_effort_becomes_a_budget_below_the_limit_field_23() -> None:
    effort = Reasoning(effort="medium")

    small, dropped = fitted(
        model=on(OLD), reasoning=effort, max_output_tokens=500, temperature=0.3, top_k=4
    )
    large, _ = fitted(model=on(OLD), reasoning=effort, max_output_tokens=20_000, top_p=0.97)
    capped, _ = fitted(model=on(OLD, max_output_tokens=8000), reasoning=Reasoning(effort="high"))

    assert small["thinking"] == {"type": "enabled", "budget_tokens": 8192}
    assert small["max_tokens"] == 8692
    assert dropped == ("temperature", "top_k")
    assert (large["max_tokens"], large["top_p"]) == (20_000, 0.97)
    assert (capped["thinking"]["budget_tokens"], capped["max_tokens"]) == (7999, 8000)


def test_adaptive_models_are_told_the_effort_and_show_their_thoughts_field_23() -> None:
    body, dropped = fitted(
        model=on(NEW), reasoning=Reasoning(effort="xhigh"), max_output_tokens=500
    )

    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": "xhigh"}
    assert body["max_tokens"] == 500
    assert dropped == ()


@pytest.mark.parametrize(
    ("asked", "effort"),
    [
        (Reasoning("minimal"), "low"),
        (Reasoning("max"), "max"),
        (Reasoning("xhigh"), "high"),
        (Reasoning(budget_tokens=1024), "low"),
        (Reasoning(budget_tokens=5000), "medium"),
        (Reasoning(budget_tokens=50_000), "high"),
    ],
)
def test_every_wish_has_an_effort(asked: Reasoning, effort: str) -> None:
    assert fitted(model=on(MIDDLE), reasoning=asked)[0]["output_config"]["effort"] == effort


@pytest.mark.parametrize("effort", ["none", "default"])
def test_no_effort_is_no_thinking(effort: str) -> None:
    body, dropped = fitted(model=on(OLD), reasoning=Reasoning(effort=effort))

    assert "thinking" not in body
    assert dropped == ()


def test_a_budget_is_not_asked_for_where_it_would_be_refused() -> None:
    effort = Reasoning(effort="low")
    called = Message("assistant", [ToolCall("1", "f", "{}")])
    thought = Message("assistant", [Thinking("h", "s"), ToolCall("1", "f", "{}")])
    answered = Message("tool", [ToolResult("1", [Text("x")])])
    forced = ToolChoice("required")

    refused = [
        fitted(model=on(OLD), reasoning=effort, tools=[Tool("f")], tool_choice=forced),
        fitted([HI, called, answered], on(OLD), reasoning=effort),
        fitted(model=on(OLD, max_output_tokens=1000), reasoning=effort),
        fitted(model=on("claude-3-5-sonnet"), reasoning=effort),
    ]
    allowed = [
        fitted([HI, thought, answered], on(OLD), reasoning=effort),
        fitted([HI, called, answered, HI, Message("assistant", [Text("a")]), HI], on(OLD),
             reasoning=effort),
        fitted([HI, called, answered], on(NEW), reasoning=effort),
    ]  # fmt: skip

    assert all("thinking" not in body for body, _ in refused)
    assert all(dropped == ("reasoning_effort",) for _, dropped in refused)
    assert all("thinking" in body for body, _ in allowed)


def test_fitting_leaves_the_conversation_as_it_was() -> None:
    conversation = Conversation(
        [Message("system", [Text("A", {"x": 1})]), HI, Message("assistant", [Thinking("h")])],
        tools=[Tool("f")],
        temperature=2,
        reasoning=Reasoning("low"),
        extra={"n": 2},
    )
    before = repr(conversation)
    chat = ChatRequest(Dialect.OPENAI_CHAT, {}, lambda _: conversation)

    Anthropic().request(chat, MODEL)

    assert repr(conversation) == before
