from __future__ import annotations

from typing import Any

import orjson

from hyperstrate.shared.chat import (
    Conversation,
    Dialect,
    Document,
    Foreign,
    Image,
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
from tests.anthropic_calls import read

EPHEMERAL = {"cache_control": {"type": "ephemeral"}}


def conversation(**body: Any) -> Conversation:
    given = {"messages": [{"role": "user", "content": "Hi"}], **body}
    return read(given).conversation


def test_system_prompts_come_first_and_keep_their_marks() -> None:
    blocks = [{"type": "text", "text": "A"}, {"type": "text", "text": "B", **EPHEMERAL}]

    as_text = conversation(system="A")
    as_blocks = conversation(system=blocks)

    assert as_text.messages[0] == Message("system", [Text("A")])
    assert as_blocks.messages[0] == Message("system", [Text("A"), Text("B", EPHEMERAL)])


def test_each_kind_of_block_has_its_part() -> None:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}
    blocks: list[Json] = [
        {"type": "text", "text": "t", "citations": [{"type": "page_location"}]},
        {"type": "thinking", "thinking": "h", "signature": "s"},
        {"type": "redacted_thinking", "data": "r"},
        {"type": "image", "source": {"type": "url", "url": "https://a.test/i"}, **EPHEMERAL},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        {"type": "document", "source": pdf, "title": "T", "context": "c"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}},
        {"type": "tool_use", "id": "1", "name": "f", "input": {"b": 1, "a": [2]}, **EPHEMERAL},
    ]

    parts = conversation(messages=[{"role": "assistant", "content": blocks}]).messages[0].parts

    assert parts == [
        Text("t", {"citations": [{"type": "page_location"}]}),
        Thinking("h", "s"),
        Thinking(redacted="r"),
        Image(url="https://a.test/i", extra=EPHEMERAL),
        Image(data="aGk=", media_type="image/png"),
        Document(data="JVBE", media_type="application/pdf", name="T", extra={"context": "c"}),
        Document(text="d", media_type="text/plain"),
        ToolCall("1", "f", '{"b":1,"a":[2]}', EPHEMERAL),
    ]


def test_what_only_anthropic_has_words_for_stays_whole() -> None:
    blocks: list[Json] = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "mcp_tool_use", "id": "m", "name": "f", "server_name": "x", "input": {}},
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "something_new", "x": 1},
        {"type": "text", "text": None},
        {"type": "thinking", "thinking": "h", "signature": None},
        {"type": "tool_use", "id": "1", "name": "f", "input": "text"},
        {"type": "tool_result", "tool_use_id": "1", "content": 5},
        {"type": "document", "source": "x"},
        {"no": "type"},
    ]

    parts = conversation(messages=[{"role": "assistant", "content": blocks}]).messages[0].parts

    assert parts == [Foreign(Dialect.ANTHROPIC_MESSAGES, block) for block in blocks]


def test_tool_results_are_messages_of_their_own_at_their_place() -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "https://a.test/i"}}
    turn = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "1", "content": "one"},
            {"type": "tool_result", "tool_use_id": "2", "is_error": True, "content": [picture]},
            {"type": "text", "text": "now"},
            {"type": "text", "text": "go"},
            {"type": "tool_result", "tool_use_id": "3", **EPHEMERAL},
        ],
    }

    messages = conversation(messages=[turn]).messages

    assert messages == [
        Message("tool", [ToolResult("1", [Text("one")])]),
        Message("tool", [ToolResult("2", [Image(url="https://a.test/i")], is_error=True)]),
        Message("user", [Text("now"), Text("go")]),
        Message("tool", [ToolResult("3", [], extra=EPHEMERAL)]),
    ]


def test_tools_of_the_client_and_of_anthropic_are_told_apart() -> None:
    schema = {"type": "object"}
    search = {"type": "web_search_20250305", "name": "web_search"}
    custom = {"name": "f", "description": "d", "input_schema": schema, "strict": True, **EPHEMERAL}

    tools = conversation(tools=[custom, search]).tools

    assert tools == [
        Tool("f", "d", schema, {"strict": True, **EPHEMERAL}),
        Foreign(Dialect.ANTHROPIC_MESSAGES, search),
    ]


def test_settings_have_their_fields_and_the_rest_stays() -> None:
    asked = conversation(
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        stop_sequences=["END"],
        metadata={"user_id": "u", "team": "t"},
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 2000},
        service_tier="auto",
        container={"id": "c"},
    )

    assert (asked.max_output_tokens, asked.temperature, asked.top_p, asked.top_k) == (
        9,
        0.5,
        0.9,
        3,
    )
    assert (asked.stop, asked.user) == (["END"], "u")
    assert asked.tool_choice == ToolChoice("required", parallel=False)
    assert asked.reasoning == Reasoning(budget_tokens=2000)
    assert asked.extra == {
        "metadata": {"team": "t"},
        "service_tier": "auto",
        "container": {"id": "c"},
    }


def test_effort_and_schema_are_read_from_the_output_config() -> None:
    schema = {"type": "object"}
    output = {"effort": "low", "format": {"type": "json_schema", "schema": schema}, "x": 1}

    asked = conversation(output_config=output, thinking={"type": "adaptive"})
    earlier = conversation(output_format={"type": "json_schema", "schema": schema})

    assert asked.reasoning == Reasoning(effort="low")
    assert asked.response_format == ResponseFormat("json_schema", schema)
    assert asked.extra == {"output_config": {"x": 1}, "thinking": {"type": "adaptive"}}
    assert earlier.response_format == ResponseFormat("json_schema", schema)


def test_fields_of_the_wrong_type_are_left_to_the_provider_to_refuse() -> None:
    wrong = {
        "temperature": "hot",
        "stop_sequences": "END",
        "tool_choice": "any",
        "thinking": "much",
        "output_config": 5,
        "metadata": ["u"],
        "top_k": True,
    }

    asked = conversation(**wrong)

    assert asked.extra == wrong


def test_reading_changes_nothing_in_the_body() -> None:
    body: Json = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a", **EPHEMERAL}]}],
        "output_config": {"effort": "low", "x": 1},
        "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
        "metadata": {"user_id": "u"},
    }
    before = orjson.dumps(body)

    _ = read(body).conversation

    assert orjson.dumps(body) == before
