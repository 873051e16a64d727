"""Hard conversations over the running gateway: each official client before the other's model."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests import answers
from tests.e2e.crossing import HI, LOOK, ask_claude, ask_gpt, call
from tests.e2e.recorded import Json, Stage

PICTURE = "iVBORw0KGgo="
DATA_URL = f"data:image/png;base64,{PICTURE}"
ONE, HUGE = '{"n": 1}', '{"n": 12345678901234567890123}'


def test_parallel_calls_of_many_turns_keep_their_results_for_claude(
    stage: Stage, openai_to_claude: OpenAI
) -> None:
    messages = [
        HI,
        {"role": "assistant", "content": "I look.", "tool_calls": [call("a", ONE), call("b", "")]},
        {"role": "tool", "tool_call_id": "b", "content": "second"},
        {"role": "tool", "tool_call_id": "a", "content": "first"},
        {"role": "assistant", "content": None, "tool_calls": [call("c", HUGE)]},
        {"role": "tool", "tool_call_id": "c", "content": ""},
        {"role": "user", "content": "And?"},
    ]  # fmt: skip

    sent = ask_claude(stage, openai_to_claude, messages, tools=[LOOK])

    first, again = sent["messages"][1]["content"], sent["messages"][3]["content"]
    assert first == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "a", "name": "look", "input": {"n": 1}},
        {"type": "tool_use", "id": "b", "name": "look", "input": {}},
    ]
    assert sent["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "b", "content": "second"},
        {"type": "tool_result", "tool_use_id": "a", "content": "first"},
    ]
    assert f'"input":{HUGE}'.encode() in stage.provider.requests[-1].body
    assert [block["id"] for block in again] == ["c"]
    assert sent["messages"][4]["content"] == [
        {"type": "tool_result", "tool_use_id": "c"},
        {"type": "text", "text": "And?"},
    ]


def test_parallel_calls_of_many_turns_keep_their_results_for_gpt(
    stage: Stage, anthropic_to_gpt: Anthropic
) -> None:
    messages = [
        HI,
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "a", "name": "look", "input": {"n": 1}},
                {"type": "text", "text": "And there."},
                {"type": "tool_use", "id": "b", "name": "look", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "b", "content": "second"},
                {"type": "tool_result", "tool_use_id": "a"},
                {"type": "text", "text": "And?"},
            ],
        },
    ]
    tool = {"name": "look", "input_schema": {"type": "object", "properties": {}}}

    sent = ask_gpt(stage, anthropic_to_gpt, messages, tools=[tool])

    assert sent["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "text", "text": "And there."},
            ],
            "tool_calls": [call("a", '{"n":1}'), call("b", "{}")],
        },
        {"role": "tool", "tool_call_id": "b", "content": "second"},
        {"role": "tool", "tool_call_id": "a", "content": ""},
        {"role": "user", "content": "And?"},
    ]


def test_a_picture_among_results_reaches_gpt_behind_them(
    stage: Stage, anthropic_to_gpt: Anthropic
) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    messages = [
        HI,
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": it, "name": "look", "input": {}} for it in "ab"],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "a",
                    "content": [
                        {"type": "text", "text": "Here:"},
                        {"type": "image", "source": source},
                    ],
                },
                {"type": "tool_result", "tool_use_id": "b", "content": "nothing"},
            ],
        },
    ]

    sent = ask_gpt(stage, anthropic_to_gpt, messages)

    assert sent["messages"][2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "Here:"},
        {"role": "tool", "tool_call_id": "b", "content": "nothing"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": DATA_URL}}]},
    ]


def test_a_picture_among_results_reaches_claude_in_its_place(
    stage: Stage, openai_to_claude: OpenAI
) -> None:
    content = [
        {"type": "text", "text": "Here:"},
        {"type": "image_url", "image_url": {"url": DATA_URL}},
        {"type": "image_url", "image_url": {"url": "https://a.test/b.png"}},
    ]
    messages = [
        HI,
        {"role": "assistant", "tool_calls": [call("a", "{}")]},
        {"role": "tool", "tool_call_id": "a", "content": content},
    ]

    sent = ask_claude(stage, openai_to_claude, messages, tools=[LOOK])

    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    assert sent["messages"][2]["content"][0]["content"] == [
        {"type": "text", "text": "Here:"},
        {"type": "image", "source": source},
        {"type": "image", "source": {"type": "url", "url": "https://a.test/b.png"}},
    ]


@pytest.mark.parametrize(
    ("before", "system"),
    [
        ([{"role": "system", "content": "Be brief"}], "Be brief"),
        ([{"role": "developer", "content": "Be brief"}], "Be brief"),
        (
            [
                {"role": "system", "content": [{"type": "text", "text": "Be brief"}]},
                {"role": "developer", "content": "and kind"},
            ],
            [{"type": "text", "text": "Be brief"}, {"type": "text", "text": "and kind"}],
        ),
    ],
    ids=["text", "developer", "several"],
)
def test_system_prompts_reach_claude(
    stage: Stage, openai_to_claude: OpenAI, before: list[Json], system: Any
) -> None:
    sent = ask_claude(stage, openai_to_claude, [*before, HI])

    assert sent["system"] == system
    assert sent["messages"] == [HI]


@pytest.mark.parametrize(
    ("system", "content"),
    [
        ("Be brief", "Be brief"),
        ([{"type": "text", "text": "Be brief"}], "Be brief"),
        (
            [{"type": "text", "text": "Be brief"}, {"type": "text", "text": "and kind"}],
            [{"type": "text", "text": "Be brief"}, {"type": "text", "text": "and kind"}],
        ),
    ],
    ids=["text", "block", "blocks"],
)
def test_system_prompts_reach_gpt(
    stage: Stage, anthropic_to_gpt: Anthropic, system: Any, content: Any
) -> None:
    sent = ask_gpt(stage, anthropic_to_gpt, [HI], system=system)

    assert sent["messages"] == [{"role": "system", "content": content}, HI]


def test_a_system_prompt_between_the_turns_is_not_lost(
    stage: Stage, openai_to_claude: OpenAI
) -> None:
    messages = [
        HI,
        {"role": "assistant", "content": "Yes?"},
        {"role": "system", "content": "Hush"},
        HI,
    ]

    sent = ask_claude(stage, openai_to_claude, messages)

    assert sent["system"] == "Hush"
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("stop", ["END", ["END", "\n\nHuman:"]])
def test_stop_sequences_reach_claude(
    stage: Stage, openai_to_claude: OpenAI, stop: str | list[str]
) -> None:
    sent = ask_claude(stage, openai_to_claude, [HI], stop=stop, max_tokens=7)

    assert sent["stop_sequences"] == ([stop] if isinstance(stop, str) else stop)
    assert sent["max_tokens"] == 7


def test_stop_sequences_reach_gpt(stage: Stage, anthropic_to_gpt: Anthropic) -> None:
    sent = ask_gpt(stage, anthropic_to_gpt, [HI], stop_sequences=["END", "X"])

    assert sent["stop"] == ["END", "X"]
    assert sent["max_completion_tokens"] == 99


def test_an_empty_turn_of_the_model_harms_nobody(
    stage: Stage, openai_to_claude: OpenAI, anthropic_to_gpt: Anthropic
) -> None:
    def turns(content: Any) -> list[Any]:
        return [HI, {"role": "assistant", "content": content}, {"role": "user", "content": "You?"}]

    to_claude = ask_claude(stage, openai_to_claude, turns(""))
    nothing: list[Any] = ["", []]
    to_gpt = [ask_gpt(stage, anthropic_to_gpt, turns(it)) for it in nothing]

    joined = [{"type": "text", "text": "Hi"}, {"type": "text", "text": "You?"}]
    assert to_claude["messages"] == [{"role": "user", "content": joined}]
    for sent in to_gpt:
        asked = [turn["content"] for turn in sent["messages"] if turn["role"] == "user"]
        assert asked == ["Hi", "You?"]


def test_more_choices_than_claude_can_give_are_named(
    stage: Stage, openai_to_claude: OpenAI
) -> None:
    stage.provider.answers(answers.anthropic("Hello"))

    raw = openai_to_claude.chat.completions.with_raw_response.create(
        model="any",
        messages=[HI],  # type: ignore[list-item]
        n=2,
        seed=7,
    )

    assert raw.headers["x-hyperstrate-dropped"] == "n, seed"
    assert len(raw.parse().choices) == 1


def test_what_was_dropped_stands_in_the_log(stage: Stage, anthropic_to_gpt: Anthropic) -> None:
    stage.provider.answers(answers.openai("Hello"))

    raw = anthropic_to_gpt.messages.with_raw_response.create(
        model="any",
        max_tokens=9,
        messages=[HI],  # type: ignore[list-item]
        extra_body={"top_k": 5},
    )

    assert raw.headers["x-hyperstrate-dropped"] == "top_k"
    assert stage.log(raw.headers["x-hyperstrate-request-id"])["dropped"] == ["top_k"]


@pytest.mark.parametrize("size", [1_000_000])
def test_one_very_long_line_is_carried_both_ways(
    stage: Stage, openai_to_claude: OpenAI, anthropic_to_gpt: Anthropic, size: int
) -> None:
    words = "long \N{SNOWMAN} \n" * (size // 9)
    long = {"role": "user", "content": words}

    to_claude = ask_claude(stage, openai_to_claude, [long])
    to_gpt = ask_gpt(stage, anthropic_to_gpt, [long])

    assert to_claude["messages"] == to_gpt["messages"] == [long]
