from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperstrate.shared.chat import Dialect, Document, Foreign, Image, Json, Message, Text, Thinking
from hyperstrate.shared.openai_messages import Misshaped, read_message
from hyperstrate.shared.openai_messages_write import write_assistant, write_messages

WORDS = st.text(max_size=12)
NAMES = st.text(alphabet="abcdef_", min_size=1, max_size=8)
CACHE: st.SearchStrategy[Json] = st.just({"cache_control": {"type": "ephemeral"}}) | st.just({})
PARTS = st.one_of(
    st.builds(lambda words, more: {"type": "text", "text": words, **more}, WORDS, CACHE),
    st.builds(
        lambda url, more: {"type": "image_url", "image_url": {"url": url, **more}},
        st.sampled_from(
            ["https://a.test/b.png", "data:image/png;base64,AAAA", "data:image/png;x=1;base64,AA"]
        ),
        st.sampled_from([{}, {"detail": "high"}]),
    ),
    st.just({"type": "image_url", "image_url": "https://a.test/c.png"}),
    st.just({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
    st.just({"type": "file", "file": {"file_id": "file-1"}}),
    st.just(
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        }
    ),
    st.just({"type": "file", "file": {"file_data": "https://a.test/a.pdf", "x": 1}}),
    st.just({"type": "refusal", "refusal": "No."}),
)
CONTENT = WORDS | st.lists(PARTS, max_size=3)
CALLS = st.builds(
    lambda name, arguments, more: {
        "id": f"call_{name}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **more,
    },
    NAMES,
    WORDS | st.just('{"a": 1.0}'),
    st.sampled_from([{}, {"index": 0}, {"extra_content": {"google": {"thought_signature": "s"}}}]),
)
CUSTOM = st.just({"id": "call_c", "type": "custom", "custom": {"name": "sql", "input": "select"}})
THOUGHTS = st.sampled_from(
    [
        {},
        {"reasoning_content": "Hm."},
        {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {"reasoning_content": None},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "sig"}]},
        {
            "reasoning_content": "Hm. So.",
            "thinking_blocks": [
                {"type": "thinking", "thinking": "Hm. ", "signature": "sig", "index": 0},
                {"type": "redacted_thinking", "data": "xyz", "index": 1},
                {"type": "thinking", "thinking": "So.", "signature": "sag", "index": 2},
            ],
        },
        {
            "reasoning_content": "other words",
            "thinking_blocks": [{"type": "redacted_thinking", "data": "xyz"}],
        },
    ]
)
ASSISTANT = st.builds(
    lambda content, calls, thoughts, more: {
        "role": "assistant",
        "content": content,
        **({"tool_calls": calls} if calls else {}),
        **thoughts,
        **more,
    },
    CONTENT | st.none(),
    st.lists(CALLS | CUSTOM, max_size=3),
    THOUGHTS,
    st.sampled_from(
        [{}, {"name": "bot"}, {"refusal": None}, {"refusal": "No."}, {"audio": {"id": "a"}}]
    ),
)
OTHERS = st.builds(
    lambda role, content, more: {"role": role, "content": content, **more},
    st.sampled_from(["system", "developer", "user"]),
    CONTENT,
    st.sampled_from([{}, {"name": "ann"}]),
)
RESULTS = st.builds(
    lambda name, content: {"role": "tool", "tool_call_id": f"call_{name}", "content": content},
    NAMES,
    CONTENT,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ASSISTANT | OTHERS | RESULTS, max_size=5))
def test_what_is_read_is_written_as_it_was(messages: list[Json]) -> None:
    read = [read_message(message, f"messages[{n}]") for n, message in enumerate(messages)]

    assert write_messages(read) == messages


def test_parts_are_understood() -> None:
    content: list[Json] = [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://a.test/b.png"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,BB", "filename": "a"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]

    message = read_message({"role": "user", "content": content}, "messages[0]")

    assert message.parts == [
        Text("Look:"),
        Image(data="AAAA", media_type="image/png"),
        Image(url="https://a.test/b.png"),
        Document(data="BB", media_type="application/pdf", name="a"),
        Foreign(Dialect.OPENAI_CHAT, content[4]),
    ]


def test_masked_words_go_out_masked_in_every_field() -> None:
    said: Json = {
        "role": "assistant",
        "content": [{"type": "text", "text": "my pin"}],
        "reasoning": "the pin",
        "refusal": None,
    }
    message = read_message(said, "messages[0]")

    for part in message.parts:
        if isinstance(part, Text | Thinking):
            part.text = part.text.replace("pin", "***")

    assert write_messages([message]) == [
        {**said, "content": [{"type": "text", "text": "my ***"}], "reasoning": "the ***"}
    ]


def test_thinking_with_a_seal_is_written_as_words_and_as_blocks() -> None:
    thoughts = [Thinking("Hm. ", "sig"), Thinking(redacted="xyz"), Thinking("So.", "sag")]

    line = write_assistant(Message("assistant", [*thoughts, Text("Yes.")]))

    assert line == {
        "role": "assistant",
        "content": "Yes.",
        "reasoning_content": "Hm. So.",
        "thinking_blocks": [
            {"type": "thinking", "thinking": "Hm. ", "signature": "sig"},
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "thinking", "thinking": "So.", "signature": "sag"},
        ],
    }
    assert read_message(line, "messages[0]").parts == [*thoughts, Text("Yes.")]


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ({"role": "king", "content": "x"}, "messages[3].role"),
        ({"role": "user", "content": 7}, "messages[3].content"),
        ({"role": "user", "content": ["x"]}, "messages[3].content[0]"),
        ({"role": "tool", "tool_call_id": 7, "content": "x"}, "messages[3].tool_call_id"),
        ({"role": "assistant", "tool_calls": "x"}, "messages[3].tool_calls"),
        ({"role": "assistant", "tool_calls": ["x"]}, "messages[3].tool_calls[0]"),
        ({"role": "assistant", "tool_calls": [{}]}, "messages[3].tool_calls[0].function.name"),
    ],
)
def test_a_wrong_shape_is_named_by_its_place(message: Any, place: str) -> None:
    with pytest.raises(Misshaped) as caught:
        read_message(message, "messages[3]")

    assert caught.value.place == place
