from __future__ import annotations

from typing import Any

import orjson
import pytest

from hyperstrate.ai.providers.openai import FAMILY
from hyperstrate.router.wires.anthropic_messages import AnthropicMessages
from hyperstrate.shared.chat import ChatRequest, Json
from tests.openai_calls import registration

PROVIDERS = {provider.name: provider for provider in FAMILY}
HI: list[Json] = [{"role": "user", "content": "Hi"}]


def sent(chat: ChatRequest, name: str = "OPENAI", model: str = "gpt-5") -> tuple[Json, list[str]]:
    call = PROVIDERS[name].request(chat, registration(name, model))
    body: Json = orjson.loads(call.body)
    return body, list(call.dropped)


def from_anthropic(**fields: Any) -> ChatRequest:
    body = {"model": "claude", "max_tokens": 100, "messages": HI, **fields}
    return AnthropicMessages().read(body).chat


CACHE = {"cache_control": {"type": "ephemeral"}}
PICTURE = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
CLAUDE: Json = {
    "system": [
        {"type": "text", "text": "Be brief.", **CACHE},
        {"type": "text", "text": "Be kind."},
    ],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Look", **CACHE}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1.0}},
                {"type": "tool_use", "id": "toolu_2", "name": "see", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "image", "source": PICTURE}],
                },
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "content": "no",
                    "is_error": True,
                },
                {"type": "text", "text": "Well?"},
            ],
        },
    ],
    "tools": [
        {"name": "look", "description": "Looks", "input_schema": {"type": "object"}, **CACHE}
    ],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "stop_sequences": ["END"],
    "top_k": 5,
    "thinking": {"type": "enabled", "budget_tokens": 8000},
    "metadata": {"user_id": "ann"},
    "service_tier": "auto",
}


def test_a_conversation_with_claude_is_told_in_openais_words() -> None:
    body, dropped = sent(from_anthropic(**CLAUDE))

    assert body == {
        "model": "gpt-5",
        "messages": [
            {
                "role": "system",
                "content": [
                    {"type": "text", "text": "Be brief."},
                    {"type": "text", "text": "Be kind."},
                ],
            },
            {"role": "user", "content": "Look"},
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {
                        "id": "toolu_1",
                        "type": "function",
                        "function": {"name": "look", "arguments": '{"a":1.0}'},
                    },
                    {
                        "id": "toolu_2",
                        "type": "function",
                        "function": {"name": "see", "arguments": "{}"},
                    },
                ],
            },
            {
                "role": "tool",
                "tool_call_id": "toolu_1",
                "content": "(The tool's files follow in the next message.)",
            },
            {"role": "tool", "tool_call_id": "toolu_2", "content": "no"},
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "text", "text": "Well?"},
                ],
            },
        ],
        "max_completion_tokens": 100,
        "stop": ["END"],
        "user": "ann",
        "reasoning_effort": "medium",
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "description": "Looks",
                    "parameters": {"type": "object"},
                },
            }
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    }
    assert sorted(dropped) == ["cache_control[3]", "is_error", "service_tier", "thinking", "top_k"]


def test_openrouter_takes_what_openai_cannot() -> None:
    body, dropped = sent(from_anthropic(**CLAUDE), "OPENROUTER", "anthropic/claude")

    assert body["messages"][0]["content"][0] == {"type": "text", "text": "Be brief.", **CACHE}
    assert body["messages"][2]["reasoning"] == "Hm."
    assert body["tools"][0]["cache_control"] == CACHE["cache_control"]
    assert body["top_k"] == 5
    assert sorted(dropped) == ["is_error", "service_tier"]


def test_texts_are_joined_for_those_who_read_no_lists() -> None:
    body, _ = sent(from_anthropic(**CLAUDE), "GROQ")

    assert body["messages"][0]["content"] == "Be brief.\n\nBe kind."


@pytest.mark.parametrize(
    ("budget", "effort"),
    [(1024, "low"), (4095, "low"), (4096, "medium"), (16383, "medium"), (16384, "high")],
)
def test_a_thinking_budget_becomes_an_effort(budget: int, effort: str) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget}

    body, dropped = sent(from_anthropic(thinking=thinking))

    assert body["reasoning_effort"] == effort
    assert dropped == []


def test_a_model_that_takes_no_effort_gets_none() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}

    body, dropped = sent(from_anthropic(thinking=thinking), model="gpt-4o")

    assert "reasoning_effort" not in body
    assert dropped == ["thinking"]


PDF = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}
PLAIN = {"type": "text", "media_type": "text/plain", "data": "words"}


def document(source: Json) -> Json:
    return {"role": "user", "content": [{"type": "document", "source": source, "title": "a.txt"}]}


@pytest.mark.parametrize(
    ("source", "name", "content", "dropped"),
    [
        (
            PDF,
            "OPENAI",
            [
                {
                    "type": "file",
                    "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.txt"},
                }
            ],
            [],
        ),
        (PDF, "GROQ", "", ["document"]),
        ({"type": "url", "url": "https://a.test/a.pdf"}, "OPENAI", "", ["document"]),
        (
            {"type": "url", "url": "https://a.test/a.pdf"},
            "OPENROUTER",
            [
                {
                    "type": "file",
                    "file": {"file_data": "https://a.test/a.pdf", "filename": "a.txt"},
                }
            ],
            [],
        ),
        (PLAIN, "GROQ", "a.txt\n\nwords", []),
    ],
)
def test_documents_go_where_they_are_read(
    source: Json, name: str, content: Any, dropped: list[str]
) -> None:
    body, lost = sent(from_anthropic(messages=[document(source)]), name)

    assert body["messages"] == [{"role": "user", "content": content}]
    assert lost == dropped


@pytest.mark.parametrize(
    ("kind", "names"), [("disabled", []), ("adaptive", []), ("between_tools", ["thinking"])]
)
def test_thinking_in_a_way_that_openai_does_not_know_is_named(kind: str, names: list[str]) -> None:
    _, dropped = sent(from_anthropic(thinking={"type": kind}))

    assert dropped == names


def test_what_only_anthropic_runs_is_named() -> None:
    tool = {"type": "web_search_20250305", "name": "web_search"}

    body, dropped = sent(from_anthropic(tools=[tool], tool_choice={"type": "auto"}))

    assert "tools" not in body
    assert "tool_choice" not in body
    assert dropped == ["tools.web_search_20250305"]


def use(call_id: str) -> Json:
    return {"type": "tool_use", "id": call_id, "name": "look", "input": {}}


def test_turns_of_the_model_in_a_row_are_one_and_its_results_come_first() -> None:
    results = [{"type": "tool_result", "tool_use_id": it, "content": it} for it in ("a", "b")]
    messages = [
        *HI,
        {"role": "assistant", "content": [use("a")]},
        {"role": "assistant", "content": [use("b")]},
        {"role": "user", "content": [{"type": "text", "text": "So?"}, *results]},
    ]

    body, _ = sent(from_anthropic(messages=messages))

    _, turn, *rest = body["messages"]
    assert [call["id"] for call in turn["tool_calls"]] == ["a", "b"]
    assert [message.get("tool_call_id") for message in rest] == ["a", "b", None]


def test_a_turn_of_which_nothing_is_left_is_left_out() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    later = {"role": "system", "content": [{"type": "tool_addition", "tool": "look"}]}

    body, dropped = sent(
        from_anthropic(messages=[*HI, {"role": "assistant", "content": [search]}, later, *HI])
    )

    assert body["messages"] == [*HI, *HI]
    assert dropped == ["server_tool_use", "tool_addition"]


def test_what_a_tool_or_a_turn_says_besides_is_named_with_its_place() -> None:
    tool = {"name": "look", "input_schema": {"type": "object"}, "defer_loading": True, **CACHE}

    body, dropped = sent(from_anthropic(tools=[tool], messages=[{**HI[0], "mood": "good"}]))

    assert body["messages"] == HI
    assert sorted(dropped) == ["cache_control", "messages.mood", "tools.defer_loading"]
