"""Every recorded request through the running gateway to a provider of the other dialect."""

from __future__ import annotations

from typing import Any

import pytest

from tests import answers
from tests.e2e.asking import asked_of_anthropic, asked_of_openai, lost
from tests.e2e.judges import refused_by_anthropic, refused_by_openai
from tests.e2e.recorded import ABSENT, Json, Recording, Stage, everything, parameters
from tests.e2e.telling import besides, numbered, told, told_by_anthropic, told_by_openai
from tests.upstreams import Answer

pytestmark = ABSENT
TO_ANTHROPIC = [it for it in everything() if it.kind == "chat/completions"]
TO_OPENAI = [it for it in everything() if it.kind == "messages"]
CLAUDES = ["anthropic/claude-sonnet-4-5", "anthropic/claude-opus-4-8"]
OTHERS = [
    "chatgpt/gpt-5",
    "chatgpt/gpt-4o",
    "mistral/mistral-small",
    "groq/openai/gpt-oss-120b",
    "openrouter/anthropic/claude-fable-5",
    "deepseek/deepseek-r1",
]
#: The judge's words -> the words of the client's dialect.
OPENAI_WORDS = {
    "choice": "tool_choice",
    "parallel": "parallel_tool_calls",
    "schema": "response_format",
    "effort": "reasoning_effort",
}
ANTHROPIC_WORDS = {"effort": "thinking", "choice": "tool_choice", "schema": "output_config"}


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

    sent = played.request.json
    assert played.reply.status == 200
    assert refused_by_anthropic(sent) == []
    if "response_format" in played.reply.dropped:
        sent["system"] = without_request_for_json(sent["system"])
    expected = told(told_by_openai(given), but=("foreign", "thinking"))
    assert told(told_by_anthropic(sent)) == expected
    missing = lost(asked_of_openai(given), asked_of_anthropic(sent))
    named = {OPENAI_WORDS.get(name, name) for name in missing} | besides(given) - besides(sent)
    assert played.reply.dropped == named


@pytest.mark.parametrize("definition", OTHERS)
@pytest.mark.parametrize("recording", parameters(TO_OPENAI))
def test_an_anthropic_request_reaches_an_openai_provider_whole(
    stage: Stage, recording: Recording, definition: str
) -> None:
    given = recording.request

    played = stage.call(definition, recording.kind, given, openai_answer(given))

    sent, items = played.request.json, told_by_openai(played.request.json)
    assert played.reply.status == 200
    assert refused_by_openai(sent, also={"top_k"}) == []
    keeps_thoughts = any(item[0] == "thinking" for item in items)
    but = {"foreign", *([] if keeps_thoughts else ["thinking"])}
    if "document" in played.reply.dropped:
        but.add("file")
    expected = told(told_by_anthropic(given), but=but)
    if definition.startswith("mistral"):
        assert all(len(item[1]) == 9 for item in items if item[0] == "call")
        assert numbered(told(items)) == numbered(expected)
    else:
        assert told(items) == expected
    missing = lost(asked_of_anthropic(given), asked_of_openai(sent))
    kept = besides(sent) | ({"thinking"} if keeps_thoughts else set())
    named = {ANTHROPIC_WORDS.get(name, name) for name in missing} | besides(given) - kept
    named |= {"document"} if "file" in but else set()
    assert played.reply.dropped == named


def without_request_for_json(system: Any) -> Any:
    """The system prompt but for the words that stand for a ``response_format``."""
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    assert blocks[-1]["text"].startswith("Answer with one JSON object")
    return blocks[:-1]
