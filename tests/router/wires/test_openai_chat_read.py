from __future__ import annotations

from typing import Any

import pytest

from hyperstrate.router.wires.openai_chat import OpenAIChat
from hyperstrate.shared.chat import (
    Dialect,
    Foreign,
    Json,
    Reasoning,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from hyperstrate.shared.errors import (
    BadRequest,
)
from tests.openai_calls import read

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
        (ask(stream=True, stream_options="all"), "stream_options"),
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
