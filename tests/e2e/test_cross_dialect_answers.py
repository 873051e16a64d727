"""Hard answers over the running gateway: each official client before the other's model."""

from __future__ import annotations

import anthropic
import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests import answers
from tests.e2e import streams
from tests.e2e.crossing import (
    ASK,
    ASK_CLAUDE,
    of_claude,
    of_gpt,
    streamed_by_claude,
    streamed_by_gpt,
    words_of,
)
from tests.e2e.recorded import Json, Stage

SMILE = "\N{GRINNING FACE}"
ODD = f"na\u00efve \u65e5\u672c {SMILE} \u0645\u0631 e\u0301\u200d\u2028\u0000\\u00e9 \"'"


@pytest.mark.parametrize(
    ("stop_reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
    ],
)
def test_claudes_reasons_in_openais_words(
    stage: Stage, openai_to_claude: OpenAI, stop_reason: str, finish: str
) -> None:
    events = streams.claude(streams.text("Hi"), stop_reason=stop_reason)

    whole = of_claude(stage, openai_to_claude, answers.anthropic(stop_reason=stop_reason))
    streamed = streamed_with_any_end(stage, openai_to_claude, events)

    assert whole.choices[0].finish_reason == finish
    assert streamed == finish


def streamed_with_any_end(stage: Stage, client: OpenAI, events: list[bytes]) -> str | None:
    """The last finish_reason; the client's own helper raises for some of them."""
    stage.provider.answers(answers.sse(events))
    chunks = list(client.chat.completions.create(**ASK, stream=True))
    return str(chunks[-1].choices[0].finish_reason)


@pytest.mark.parametrize(
    ("finish", "stop_reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("function_call", "tool_use"),
        ("content_filter", "refusal"),
        ("something new", "end_turn"),
    ],
)
def test_gpts_reasons_in_anthropics_words(
    stage: Stage, anthropic_to_gpt: Anthropic, finish: str, stop_reason: str
) -> None:
    message = {"role": "assistant", "content": "Hi"}
    body = {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}

    whole = of_gpt(stage, anthropic_to_gpt, answers.json(body))
    streamed = streamed_by_gpt(
        stage, anthropic_to_gpt, streams.gpt({"content": "Hi"}, finish=finish)
    )

    assert (whole.stop_reason, streamed.stop_reason) == (stop_reason, stop_reason)


def test_a_refusal_of_gpt_is_told_as_one(stage: Stage, anthropic_to_gpt: Anthropic) -> None:
    answer = answers.openai(content=None, refusal="I will not.")
    events = streams.gpt({"refusal": "I will "}, {"refusal": "not."})

    whole = of_gpt(stage, anthropic_to_gpt, answer)
    streamed = streamed_by_gpt(stage, anthropic_to_gpt, events)

    for message in (whole, streamed):
        assert words_of(message) == "I will not."
        assert message.stop_reason == "refusal"


def test_an_empty_answer_is_an_answer(
    stage: Stage, openai_to_claude: OpenAI, anthropic_to_gpt: Anthropic
) -> None:
    by_gpt = of_gpt(stage, anthropic_to_gpt, answers.openai(content=None))
    by_claude = of_claude(stage, openai_to_claude, answers.anthropic(content=[]))
    gpts_stream = streamed_by_gpt(stage, anthropic_to_gpt, streams.gpt())
    claudes_stream = streamed_by_claude(stage, openai_to_claude, streams.claude())

    assert (by_gpt.content, gpts_stream.content) == ([], [])
    assert not by_claude.choices[0].message.content
    assert not claudes_stream.choices[0].message.content
    assert claudes_stream.choices[0].finish_reason == "stop"


def test_cached_tokens_of_claude_are_told_in_openais_words(
    stage: Stage, openai_to_claude: OpenAI
) -> None:
    used = {
        "input_tokens": 1,
        "cache_read_input_tokens": 10,
        "cache_creation_input_tokens": 100,
        "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
        "output_tokens": 2,
    }

    whole = of_claude(stage, openai_to_claude, answers.anthropic(usage=used))
    events = streams.claude(streams.text("Hi"), usage=used)
    streamed = streamed_by_claude(stage, openai_to_claude, events)

    for completion in (whole, streamed):
        assert completion.usage
        assert completion.usage.prompt_tokens == 111
        assert completion.usage.completion_tokens == 2
        assert completion.usage.prompt_tokens_details
        assert completion.usage.prompt_tokens_details.cached_tokens == 10
        assert completion.usage.prompt_tokens_details.to_dict()["cache_write_tokens"] == 100


def test_cached_tokens_of_gpt_are_told_in_anthropics_words(
    stage: Stage, anthropic_to_gpt: Anthropic
) -> None:
    used = {
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "total_tokens": 107,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    choice = {"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}

    whole = of_gpt(stage, anthropic_to_gpt, answers.json({"choices": [choice], "usage": used}))
    events = streams.gpt({"content": "Hi"}, usage=used)
    streamed = streamed_by_gpt(stage, anthropic_to_gpt, events)

    for message in (whole, streamed):
        assert message.usage.input_tokens == 36
        assert message.usage.cache_read_input_tokens == 64
        assert message.usage.output_tokens == 7


def test_every_character_arrives_both_ways(
    stage: Stage, openai_to_claude: OpenAI, anthropic_to_gpt: Anthropic
) -> None:
    letters = [{"content": letter} for letter in ODD]
    texts = streams.text(*ODD)

    by_gpt = streamed_by_gpt(stage, anthropic_to_gpt, streams.gpt(*letters))
    by_claude = streamed_by_claude(stage, openai_to_claude, streams.claude(texts))
    whole_gpt = of_gpt(stage, anthropic_to_gpt, answers.openai(ODD))
    whole_claude = of_claude(stage, openai_to_claude, answers.anthropic(ODD))

    assert words_of(by_gpt) == words_of(whole_gpt) == ODD
    assert by_claude.choices[0].message.content == ODD
    assert whole_claude.choices[0].message.content == ODD


def test_a_stream_may_be_cut_at_any_byte(
    stage: Stage, openai_to_claude: OpenAI, anthropic_to_gpt: Anthropic
) -> None:
    def torn(events: list[bytes]) -> list[bytes]:
        return [bytes([byte]) for byte in b"".join(events)]

    by_claude = streamed_by_claude(stage, openai_to_claude, torn(streams.claude(streams.text(ODD))))
    by_gpt = streamed_by_gpt(stage, anthropic_to_gpt, torn(streams.gpt({"content": ODD})))

    assert by_claude.choices[0].message.content == ODD
    assert words_of(by_gpt) == ODD


def test_the_halves_of_a_character_in_two_events_are_put_together(
    stage: Stage, openai_to_claude: OpenAI, anthropic_to_gpt: Anthropic
) -> None:
    def halved(events: list[bytes]) -> list[bytes]:
        escaped = {b"HIGH": rb"\ud83d", b"LOW": rb"\ude00"}
        joined = b"".join(events)
        for word, half in escaped.items():
            joined = joined.replace(word, half)
        return [joined]

    by_claude = streamed_by_claude(
        stage, openai_to_claude, halved(streams.claude(streams.text("a HIGH", "LOW b")))
    )
    by_gpt = streamed_by_gpt(
        stage, anthropic_to_gpt, halved(streams.gpt({"content": "a HIGH"}, {"content": "LOW b"}))
    )

    assert by_claude.choices[0].message.content == f"a {SMILE} b"
    assert words_of(by_gpt) == f"a {SMILE} b"


def test_calls_in_tiny_interleaved_pieces_reach_an_anthropic_client(
    stage: Stage, anthropic_to_gpt: Anthropic
) -> None:
    first, second = '{"city": "K\u00f6ln", "n": [1, 2]}', '{"x": {"y": "\\ud83d\\ude00"}}'
    deltas: list[Json] = [
        {"content": "I look."},
        streams.call(0, name="look"),
        streams.call(1, name="see"),
    ]
    for place in range(max(len(first), len(second))):
        deltas += [streams.call(0, first[place : place + 1])]
        deltas += [streams.call(1, second[place : place + 1])]

    message = streamed_by_gpt(stage, anthropic_to_gpt, streams.gpt(*deltas, finish="tool_calls"))

    assert [block.to_dict() for block in message.content] == [
        {"type": "text", "text": "I look."},
        {
            "type": "tool_use",
            "id": "call_0",
            "name": "look",
            "input": {"city": "K\u00f6ln", "n": [1, 2]},
        },
        {"type": "tool_use", "id": "call_1", "name": "see", "input": {"x": {"y": SMILE}}},
    ]
    assert message.stop_reason == "tool_use"


def test_calls_in_tiny_pieces_reach_an_openai_client(
    stage: Stage, openai_to_claude: OpenAI
) -> None:
    first, second = '{"city": "K\u00f6ln"}', "{}"
    blocks: list[list[Json]] = [
        [
            {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {}},
            *({"type": "input_json_delta", "partial_json": letter} for letter in given),
        ]
        for name, given in (("look", first), ("see", second))
    ]
    events = streams.claude(streams.text("I look."), *blocks, stop_reason="tool_use")

    choice = streamed_by_claude(stage, openai_to_claude, events).choices[0]

    calls = [call for call in choice.message.tool_calls or () if call.type == "function"]
    assert choice.message.content == "I look."
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        ("toolu_look", "look", first),
        ("toolu_see", "see", second),
    ]
    assert choice.finish_reason == "tool_calls"


def test_of_several_choices_an_anthropic_client_gets_the_first(
    stage: Stage, anthropic_to_gpt: Anthropic
) -> None:
    choices = [
        {"index": place, "message": {"content": word}, "finish_reason": "stop"}
        for place, word in enumerate(("first", "second"))
    ]
    events = streams.gpt({"content": "fi"}, {"content": "second", "index": 1}, {"content": "rst"})
    stage.provider.answers(answers.json({"choices": choices}))

    raw = anthropic_to_gpt.messages.with_raw_response.create(**ASK_CLAUDE)
    streamed = streamed_by_gpt(stage, anthropic_to_gpt, events)

    assert raw.headers["x-hyperstrate-dropped"] == "choices"
    assert words_of(raw.parse()) == words_of(streamed) == "first"


def test_what_a_stream_could_not_tell_stands_in_the_log(
    stage: Stage, openai_to_claude: OpenAI
) -> None:
    search: Json = {
        "type": "server_tool_use",
        "id": "srvtoolu_1",
        "name": "web_search",
        "input": {},
    }
    given = [{"type": "input_json_delta", "partial_json": '{"query": "x"}'}]
    opened = {"type": "content_block_start", "index": 0, "content_block": search}
    events = streams.claude(given, streams.text("Found"))
    events[1] = answers.event(opened, "content_block_start")
    stage.provider.answers(answers.sse(events))

    raw = openai_to_claude.chat.completions.with_raw_response.create(**ASK, stream=True)
    words = [chunk.choices[0].delta.content or "" for chunk in raw.parse()]

    assert "".join(words) == "Found"
    assert stage.log(raw.headers["x-hyperstrate-request-id"])["dropped"] == ["server_tool_use"]


def test_an_answer_of_one_very_long_line_arrives_both_ways(
    stage: Stage, openai_to_claude: OpenAI, anthropic_to_gpt: Anthropic
) -> None:
    words = "long \N{SNOWMAN} \n" * 111_111

    found = [
        of_claude(stage, openai_to_claude, answers.anthropic(words)),
        streamed_by_claude(stage, openai_to_claude, streams.claude(streams.text(words))),
    ]
    told = [
        of_gpt(stage, anthropic_to_gpt, answers.openai(words)),
        streamed_by_gpt(stage, anthropic_to_gpt, streams.gpt({"content": words})),
    ]

    assert all(completion.choices[0].message.content == words for completion in found)
    assert all(words_of(message) == words for message in told)


def test_a_stream_that_breaks_off_is_an_error_in_the_clients_dialect(
    stage: Stage, openai_to_claude: OpenAI, anthropic_to_gpt: Anthropic
) -> None:
    begun = streams.claude(streams.text("Hel", "lo"))[:4]
    stage.provider.answers(answers.sse(begun, ending="cut"))
    with pytest.raises(openai.APIError):
        list(openai_to_claude.chat.completions.create(**ASK, stream=True))

    stage.provider.answers(answers.sse(streams.gpt({"content": "Hel"})[:2], ending="cut"))
    with (
        pytest.raises(anthropic.APIError),
        anthropic_to_gpt.messages.stream(**ASK_CLAUDE) as stream,
    ):
        stream.get_final_message()
