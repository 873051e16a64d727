"""Thoughts over the running gateway: out to one dialect's client, and back where they came from."""

from __future__ import annotations

from typing import Any

from anthropic import Anthropic
from openai import OpenAI

from tests import answers
from tests.e2e.crossing import HI, LOOK, ask_claude, call
from tests.e2e.recorded import Json, Stage
from tests.e2e.streams import claude


def test_signed_thinking_goes_through_an_openai_client_and_back(
    stage: Stage, openai_to_claude: OpenAI
) -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm…", "signature": "c2ln+/=="},
        {"type": "redacted_thinking", "data": "xyz=="},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": [1.0, None]}},
    ]
    stage.provider.answers(answers.anthropic(content=blocks, stop_reason="tool_use"))
    tools: list[Any] = [LOOK]

    first = openai_to_claude.chat.completions.create(model="any", messages=[HI], tools=tools)  # type: ignore[list-item]
    turn = first.choices[0].message.model_dump()
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": "It is"}
    sent = ask_claude(stage, openai_to_claude, [HI, turn, result], tools=tools)

    assert turn["reasoning_content"] == "Hm…"
    assert sent["messages"][1]["content"] == blocks


def test_signed_thinking_of_a_stream_goes_back_as_well(
    stage: Stage, openai_to_claude: OpenAI
) -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm. So.", "signature": "sig"},
        {"type": "text", "text": "Yes"},
    ]
    deltas: list[list[Json]] = [
        [
            {"type": "thinking_delta", "thinking": "Hm. "},
            {"type": "thinking_delta", "thinking": "So."},
            {"type": "signature_delta", "signature": "sig"},
        ],
        [{"type": "text_delta", "text": "Yes"}],
    ]
    stage.provider.answers(answers.sse(claude(*deltas)))

    with openai_to_claude.chat.completions.stream(model="any", messages=[HI]) as stream:  # type: ignore[list-item]
        turn = stream.get_final_completion().choices[0].message.model_dump()
    sent = ask_claude(stage, openai_to_claude, [HI, turn, HI])

    assert sent["messages"][1]["content"] == blocks


def test_thoughts_of_deepseek_go_through_an_anthropic_client_and_back(stage: Stage) -> None:
    calls = [call("call_1", "{}")]
    answer = answers.openai("", reasoning_content="Hm…", tool_calls=calls)
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "It is"}
    stage.provider.answers(answer, answers.openai("Yes"))
    url = stage.url("deepseek/deepseek-r1")

    with Anthropic(base_url=url, api_key=stage.key, max_retries=0) as client:
        asked: Any = [HI]
        first = client.messages.create(model="any", max_tokens=9, messages=asked)
        turn = {"role": "assistant", "content": first.content}
        asked = [HI, turn, {"role": "user", "content": [result]}]
        client.messages.create(model="any", max_tokens=9, messages=asked)

    sent = stage.provider.requests[-1].json["messages"][1]
    assert [block.type for block in first.content] == ["thinking", "tool_use"]
    assert sent == {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Hm…",
        "tool_calls": calls,
    }
