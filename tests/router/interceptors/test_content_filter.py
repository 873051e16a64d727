"""The content filter: everything that is asked and answered, in streams too."""

from __future__ import annotations

from typing import Any

import pytest

from hyperstrate.router.interceptors.content_filter import Config, ContentFilter
from hyperstrate.router.stage import Exchange
from hyperstrate.shared.chat import (
    ChatRequest,
    Chunk,
    Conversation,
    Dialect,
    Document,
    Foreign,
    Message,
    Part,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolResult,
)
from hyperstrate.shared.errors import BadRequest, Blocked
from hyperstrate.shared.settings import load
from tests.router.conftest import MakeExchange, answer, make_chat


def _filter(*patterns: str, **config: Any) -> ContentFilter:
    return ContentFilter(
        load(Config, {"blocked_patterns": list(patterns or ["forbidden"]), **config})
    )


def _chat(conversation: Conversation) -> ChatRequest:
    return ChatRequest(Dialect.OPENAI_CHAT, {}, lambda _body: conversation)


def _stream(stage: ContentFilter, exchange: Exchange, *chunks: Chunk) -> list[Chunk]:
    """What leaves of a stream, up to the block."""
    passed = (stage.during(exchange, chunk) for chunk in chunks)
    return [chunk for chunk in passed if chunk is not None]


def _left(stage: ContentFilter, exchange: Exchange, *chunks: Chunk) -> tuple[str, bool]:
    """The words that left, and whether the stream was blocked."""
    words = ""
    try:
        for chunk in chunks:
            passed = stage.during(exchange, chunk)
            if passed is not None:
                words += passed.thinking + passed.text + passed.other_text
                words += "".join(call.arguments for call in passed.tool_calls)
    except Blocked:
        return words, True
    return words, False


def test_lets_pass_what_matches_nothing(make_exchange: MakeExchange) -> None:
    exchange = make_exchange()
    stage = _filter()

    result = stage.before(exchange)
    stage.after(exchange, answer())

    assert result is None
    assert [
        (step.phase, step.kind, step.name, step.outcome, step.detail) for step in exchange.steps
    ] == [
        (5, "interceptor", "Content Filter", "passed", "request"),
        (5, "interceptor", "Content Filter", "passed", "response"),
    ]


def test_refuses_a_prompt_whatever_its_letters(make_exchange: MakeExchange) -> None:
    exchange = make_exchange(chat=make_chat("This is ForBidden."))

    with pytest.raises(Blocked, match="request blocked by interceptor policy") as refusal:
        _filter("other", "forbidden").before(exchange)

    assert refusal.value.status == 403
    assert exchange.steps[0].outcome == "blocked"
    assert exchange.steps[0].detail == "request: pattern 2"


@pytest.mark.parametrize(
    "conversation",
    [
        Conversation([Message("system", [Text("forbidden")]), Message("user", [Text("Hi")])]),
        Conversation([Message("user", [Text("forbidden")]), Message("user", [Text("Hi")])]),
        Conversation([Message("user", [Text("for"), Text("bidden")])]),
        Conversation([Message("user", [Document(text="forbidden")])]),
        Conversation([Message("assistant", [Thinking("forbidden")])]),
        Conversation([Message("assistant", [ToolCall("1", "look", '{"a": "forbidden"}')])]),
        Conversation([Message("assistant", [ToolCall("1", "look", '{"a": "\\u0066orbidden"}')])]),
        Conversation([Message("tool", [ToolResult("1", [Text("forbidden")])])]),
        Conversation([Message("user", [Foreign(Dialect.NATIVE, {"a": [{"b": "forbidden"}]})])]),
        Conversation([], tools=[Tool("look", "forbidden")]),
        Conversation([], tools=[Tool("look", parameters={"description": "forbidden"})]),
        Conversation([], tools=[Foreign(Dialect.NATIVE, {"forbidden": 1})]),
        Conversation([], tools=[Tool("forbidden")]),
        Conversation([], response_format=ResponseFormat("json_schema", {"title": "forbidden"})),
        Conversation([], extra={"prediction": {"type": "content", "content": "forbidden"}}),
        Conversation([Message("user", [Text("Hi")], {"name": "forbidden"})]),
        Conversation([Message("user", [Document(text="a", extra={"context": "forbidden"})])]),
    ],
)
def test_looks_everywhere_in_a_request(
    make_exchange: MakeExchange, conversation: Conversation
) -> None:
    """Weakness 8 of the original: only the last prompt was looked at."""
    exchange = make_exchange(chat=_chat(conversation))

    with pytest.raises(Blocked):
        _filter().before(exchange)


@pytest.mark.parametrize(
    "parts", [[Text("forbidden")], [Thinking("forbidden")], [ToolCall("1", "look", "forbidden")]]
)
def test_refuses_an_answer(make_exchange: MakeExchange, parts: list[Part]) -> None:
    with pytest.raises(Blocked, match="response blocked"):
        _filter().after(make_exchange(), answer(parts=parts))

    with pytest.raises(Blocked):
        _filter().after(make_exchange(), answer(others=[[Text("fine")], parts]))


def test_looks_only_where_it_is_told(make_exchange: MakeExchange) -> None:
    exchange = make_exchange(chat=make_chat("forbidden"))
    chunk = Chunk(text="forbidden", is_last=True)

    _filter(apply_to="response").before(exchange)
    _filter(apply_to="request").after(exchange, answer("forbidden"))

    assert _filter(apply_to="request").during(exchange, chunk) is chunk
    with pytest.raises(Blocked):
        _filter(apply_to="response").after(exchange, answer("forbidden"))
    with pytest.raises(Blocked):
        _filter(apply_to="request").before(exchange)


def test_a_stream_leaves_whole_and_in_order(make_exchange: MakeExchange) -> None:
    words = [f"word {number} " for number in range(200)]
    chunks = [
        Chunk(raw=b"<start>", is_preamble=True),
        *[Chunk(raw=f"<{word}>".encode(), payload={"w": word}, text=word) for word in words],
        Chunk(raw=b"<finish>", finish_reason="stop"),
        Chunk(raw=b"<end>", is_last=True),
    ]

    left = _stream(_filter(), make_exchange(), *chunks)

    assert b"".join(chunk.raw or b"" for chunk in left) == b"".join(
        chunk.raw or b"" for chunk in chunks
    )
    assert "".join(chunk.text for chunk in left) == "".join(words)
    assert left[0] is chunks[0]
    assert left[-1].is_last
    assert [chunk.finish_reason for chunk in left].count("stop") == 1


def test_a_long_stream_does_not_wait_for_its_end(make_exchange: MakeExchange) -> None:
    stage, exchange = _filter(), make_exchange()
    chunks = [Chunk(text="0123456789") for _ in range(100)]

    words, _ = _left(stage, exchange, *chunks)

    assert 700 <= len(words) <= 1000 - 256


@pytest.mark.parametrize("size", [1, 2, 5, 8, 1000])
@pytest.mark.parametrize("before", [0, 100, 400, 2000])
def test_a_match_over_several_chunks_is_found_before_its_text_has_left(
    make_exchange: MakeExchange, size: int, before: int
) -> None:
    """Complaint 41 of the field: output guardrails did not run on streams."""
    text = "a " * (before // 2) + "forbidden" + " z" * 300
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    chunks = [*[Chunk(text=piece) for piece in pieces], Chunk(finish_reason="stop", is_last=True)]

    words, is_blocked = _left(_filter(), make_exchange(), *chunks)

    assert is_blocked
    assert "f" not in words


def test_a_long_match_is_stopped_before_it_has_left(make_exchange: MakeExchange) -> None:
    text = "x" * 500 + "BEGIN" + "s" * 150 + "END" + "x" * 500

    words, is_blocked = _left(
        _filter("BEGIN.*END"), make_exchange(), *[Chunk(text=letter) for letter in text]
    )

    assert is_blocked
    assert "B" not in words


def test_a_match_without_end_is_stopped_before_it_has_left(make_exchange: MakeExchange) -> None:
    text = "x" * 500 + "secret" + "s" * 1000

    words, is_blocked = _left(
        _filter("secret.*"), make_exchange(), *[Chunk(text=letter) for letter in text]
    )

    assert is_blocked
    assert "e" not in words


@pytest.mark.parametrize(
    "pattern", [r"\bass\b", r"ass$", r"(?<!gl)ass(?!ume)", r"(?<!gl)ass\b", "^ume"]
)
def test_what_only_looks_like_a_match_for_a_moment_passes(
    make_exchange: MakeExchange, pattern: str
) -> None:
    text = "glass " * 200 + "assume " * 400

    words, is_blocked = _left(
        _filter(pattern),
        make_exchange(),
        *[Chunk(text=letter) for letter in text],
        Chunk(finish_reason="stop", is_last=True),
    )

    assert not is_blocked
    assert words == text


def test_a_match_at_the_very_end_is_found(make_exchange: MakeExchange) -> None:
    chunks = [Chunk(text="for"), Chunk(text="bidden"), Chunk(finish_reason="stop")]

    assert _left(_filter(r"forbidden$"), make_exchange(), *chunks) == ("", True)


@pytest.mark.parametrize(
    "pair",
    [
        (Chunk(thinking="for"), Chunk(thinking="bidden")),
        (Chunk(refusal="for"), Chunk(refusal="bidden")),
        (Chunk(other_text="for"), Chunk(other_text="bidden")),
        (
            Chunk(tool_calls=(ToolCallDelta(0, "call_1", "look", "for"),)),
            Chunk(tool_calls=(ToolCallDelta(0, arguments="bidden"),)),
        ),
        (
            Chunk(tool_calls=(ToolCallDelta(0, "call_1", "look", '{"a": "for\\u00'),)),
            Chunk(tool_calls=(ToolCallDelta(0, arguments='62idden"}'),)),
        ),
    ],
)
def test_looks_at_all_that_streams(make_exchange: MakeExchange, pair: tuple[Chunk, Chunk]) -> None:
    assert _left(_filter(), make_exchange(), *pair, Chunk(is_last=True)) == ("", True)


def test_what_was_held_leaves_before_a_tool_call(make_exchange: MakeExchange) -> None:
    start = Chunk(tool_calls=(ToolCallDelta(0, "call_1", "look"),))
    pieces = [Chunk(tool_calls=(ToolCallDelta(0, arguments=piece),)) for piece in ('{"a"', ":1}")]
    finish = Chunk(finish_reason="tool_calls")

    left = _stream(
        _filter(),
        make_exchange(),
        Chunk(thinking="Hm"),
        Chunk(text="I look"),
        start,
        *pieces,
        finish,
    )

    assert [chunk.thinking for chunk in left if chunk.thinking] == ["Hm"]
    assert [chunk.text for chunk in left if chunk.text] == ["I look"]
    calls = [call for chunk in left for call in chunk.tool_calls]
    assert (calls[0].id, calls[0].name) == ("call_1", "look")
    assert "".join(call.arguments for call in calls) == '{"a":1}'
    assert left[-1].finish_reason == "tool_calls"


def test_parts_of_one_dialect_leave_by_themselves(make_exchange: MakeExchange) -> None:
    foreign = [Chunk(raw=b"<f>", payload={"n": n}, foreign="server_tool_use") for n in range(3)]
    chunks = [
        Chunk(text="Hello"), Chunk(text=" you"), *foreign, Chunk(text="Bye"),
        Chunk(finish_reason="stop"), Chunk(is_last=True),
    ]  # fmt: skip

    left = _stream(_filter(), make_exchange(), *chunks)

    assert [chunk for chunk in left if chunk.foreign] == foreign
    assert "".join(chunk.text for chunk in left) == "Hello youBye"
    assert left[-1].is_last


@pytest.mark.parametrize(
    ("patterns", "complaint"),
    [
        ([], "must have at least 1 item"),
        (["a"] * 101, "must have at most 100 items"),
        (["a" * 501], "must be at most 500 characters"),
        (["fine", "(broken"], "item 2 is not a regular expression"),
        (["a*"], "item 1 matches the empty text"),
        ([7], "item 1 must be text"),
        (None, "this field is required"),
    ],
)
def test_refuses_patterns_that_cannot_work(patterns: Any, complaint: str) -> None:
    with pytest.raises(BadRequest) as error:
        load(Config, {"blocked_patterns": patterns})

    assert error.value.fields["blocked_patterns"][0].startswith(complaint)
