"""Every recorded request through the running gateway to a provider of the other dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import answers
from tests.e2e.gateway import Admin, Gateway
from tests.e2e.judges import refused_by_anthropic, refused_by_openai
from tests.e2e.recorded import ABSENT, Json, Recording, Stage, everything, parameters
from tests.e2e.telling import Item, told, told_by_anthropic, told_by_openai
from tests.upstreams import Answer, Provider

pytestmark = ABSENT
TO_ANTHROPIC = [it for it in everything() if it.kind == "chat/completions"]
TO_OPENAI = [it for it in everything() if it.kind == "messages"]
CLAUDES = ["anthropic/claude-sonnet-4-5", "anthropic/claude-opus-4-8"]
OTHERS = {
    "chatgpt/gpt-5": set[str](),
    "mistral/mistral-small": set[str](),
    "groq/openai/gpt-oss-120b": set[str](),
    "openrouter/anthropic/claude-fable-5": {"top_k"},
    "deepseek/deepseek-r1": set[str](),
}
#: Fields of a tool that the common shape has; every other one is carried or named.
_TOOL = {"type", "name", "description", "parameters", "input_schema", "function"}


@pytest.fixture(scope="module")
def stage(gateway: Gateway, admin: Admin) -> Iterator[Stage]:
    with Provider() as provider:
        found = Stage(gateway, admin, provider)
        yield found
        found.close()


def openai_answer(body: Json) -> Answer:
    return answers.openai_stream("Hi") if body.get("stream") else answers.openai("Hi")


def anthropic_answer(body: Json) -> Answer:
    return answers.anthropic_stream("Hi") if body.get("stream") else answers.anthropic("Hi")


@pytest.mark.parametrize("definition", CLAUDES)
@pytest.mark.parametrize("recording", parameters(TO_ANTHROPIC))
def test_an_openai_request_reaches_anthropic_whole(
    stage: Stage, recording: Recording, definition: str
) -> None:
    given = recording.request

    played = stage.call(definition, recording.kind, given, anthropic_answer(given))

    sent, dropped = played.request.json, played.reply.dropped
    assert played.reply.status == 200
    assert refused_by_anthropic(sent) == []
    expected = told_by_openai(given)
    assert kinds_lost(expected) <= dropped
    assert told(told_by_anthropic(sent)) == told(expected, but=("foreign", "thinking"))
    assert ("thinking" in dropped) is any(item[0] == "thinking" for item in expected)
    assert tools_of_anthropic(sent) == tools_of_openai(given)
    assert settings_of_anthropic(sent, dropped) == settings_of_openai(given, dropped)


def kinds_lost(items: list[Item]) -> set[str]:
    return {item[1] for item in items if item[0] == "foreign"}


def tools_of_openai(body: Json) -> list[Any]:
    tools = [tool["function"] for tool in body.get("tools") or [] if "function" in tool]
    return [_tool(tool, "parameters") for tool in tools]


def tools_of_anthropic(body: Json) -> list[Any]:
    tools = [tool for tool in body.get("tools") or [] if "input_schema" in tool]
    return [_tool(tool, "input_schema") for tool in tools]


def _tool(tool: Json, schema: str) -> Any:
    """Name, description and schema; that of a tool without parameters is an empty object."""
    said = {"type": "object", "properties": {}, **tool.get(schema, {})}
    return tool["name"], tool.get("description") or "", said
