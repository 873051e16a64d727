"""A stream on its way: read up to its first word, passed by the stages, summed up, settled once."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import pytest

from hyperstrate.router import relay
from hyperstrate.router.relay import Failure, Relay, prime, replay
from hyperstrate.shared.chat import (
    ChatResult,
    Chunk,
    Dialect,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from hyperstrate.shared.errors import Blocked, ProviderError
from tests.router.conftest import Stream, failure

ROLE = Chunk(is_preamble=True, id="id_1", model="one")
END = Chunk(finish_reason="stop", usage=Usage(7, 3))
LAST = Chunk(is_last=True)
During = Callable[[Chunk], Chunk | None]


class Watched:
    """A relay over ``chunks``, and what it told in the end."""

    def __init__(
        self,
        *chunks: Chunk,
        then: ProviderError | None = None,
        during: list[During] | None = None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self.source = Stream(*chunks, then=then)
        self.result = ChatResult(Dialect.OPENAI_CHAT)
        self.settled: list[Failure | None] = []
        self.relay = Relay(
            self.source, self.result, during=during or [], after=after, settle=self.settled.append
        )


def texts(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def test_the_preamble_is_read_and_still_comes() -> None:
    stream = Stream(ROLE, Chunk(text="Good"), Chunk(text=" day"), LAST)

    result = ChatResult(Dialect.OPENAI_CHAT, stream=stream, begun=prime(stream))
    relayed = Relay(stream, result, during=[], after=lambda: None, settle=lambda _: None)

    assert relayed.is_ready
    assert [next(relayed), next(relayed)] == [ROLE, Chunk(text="Good")]
    assert not relayed.is_ready
    assert [*relayed] == [Chunk(text=" day"), LAST]
    assert stream.is_closed


def test_a_failure_in_the_preamble_can_be_repeated_elsewhere() -> None:
    said = Chunk(is_preamble=True, usage=Usage(9, 0))
    stream = Stream(ROLE, said, then=failure("overloaded"))

    with pytest.raises(ProviderError) as failed:
        prime(stream)

    assert failed.value.kind == "overloaded"
    assert failed.value.usage == Usage(9, 0)
    assert stream.is_closed


@pytest.mark.parametrize("chunks", [[], [ROLE], [ROLE, LAST]])
def test_a_stream_without_an_answer_is_none(chunks: list[Chunk]) -> None:
    stream = Stream(*chunks)

    with pytest.raises(ProviderError) as failed:
        prime(stream)

    assert (failed.value.kind, failed.value.retryable) == ("incomplete", True)
    assert stream.is_closed


def test_an_endless_preamble_is_let_go_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, relay.HOLD_S + 1])
    monkeypatch.setattr(relay, "monotonic", lambda: next(clock))

    stream = Stream(ROLE, ROLE, ROLE, Chunk(text="late"))

    assert prime(stream) == [ROLE, ROLE]
    assert texts(list(stream)) == "late"


def test_what_passes_is_summed_up_and_settled_before_the_last_chunk_leaves() -> None:
    call = ToolCallDelta(0, "call_1", "weather", '{"city":')
    more = ToolCallDelta(0, "", "", '"Rome"}')
    watched = Watched(
        ROLE, Chunk(thinking="Well", signature="sig"), Chunk(text="Good"), Chunk(text=" day"),
        Chunk(tool_calls=(call,)), Chunk(tool_calls=(more,)), END, LAST,
    )  # fmt: skip

    passed = [next(watched.relay) for _ in range(7)]
    assert watched.settled == []
    assert next(watched.relay) == LAST

    assert watched.settled == [None]
    assert watched.source.is_closed
    assert texts(passed) == "Good day"
    result = watched.result
    assert result.parts == [
        Thinking("Well", "sig"), Text("Good day"), ToolCall("call_1", "weather", '{"city":"Rome"}'),
    ]  # fmt: skip
    assert (result.id, result.model, result.finish_reason) == ("id_1", "one", "stop")
    assert (result.usage, result.has_usage) == (Usage(7, 3), True)
    assert list(watched.relay) == []


def test_stages_change_and_hold_back_in_order() -> None:
    seen: list[str] = []

    def loud(chunk: Chunk) -> Chunk | None:
        return Chunk(text=chunk.text.upper()) if chunk.text else chunk

    def without_b(chunk: Chunk) -> Chunk | None:
        seen.append(chunk.text)
        return None if chunk.text == "B" else chunk

    watched = Watched(
        Chunk(text="a"), Chunk(text="b"), Chunk(text="c"), END, LAST, during=[loud, without_b]
    )

    passed = list(watched.relay)

    assert texts(passed) == watched.result.text == "AC"
    assert seen == ["A", "B", "C", "", ""]
    assert watched.result.usage == Usage(7, 3)


def test_a_failure_on_the_way_is_settled_and_raised_once() -> None:
    watched = Watched(Chunk(text="Good"), then=failure("connection"))

    assert next(watched.relay).text == "Good"
    with pytest.raises(ProviderError):
        next(watched.relay)

    assert [error and error.code for error in watched.settled] == ["connection"]
    assert watched.result.text == "Good"
    assert watched.source.is_closed
    with pytest.raises(StopIteration):
        next(watched.relay)


def test_a_stream_that_just_stops_has_failed() -> None:
    watched = Watched(Chunk(text="Good"))

    next(watched.relay)
    with pytest.raises(ProviderError, match="ended early"):
        next(watched.relay)

    assert [error and error.code for error in watched.settled] == ["incomplete"]


@pytest.mark.parametrize("moment", ["during", "after"])
def test_a_guardrail_ends_the_stream(moment: str) -> None:
    def refuse(*_: object) -> None:
        raise Blocked("no")

    watched = (
        Watched(Chunk(text="x"), END, LAST, during=[refuse])
        if moment == "during"
        else Watched(Chunk(text="x"), END, LAST, after=refuse)
    )

    with pytest.raises(Blocked):
        list(watched.relay)

    assert [error and error.code for error in watched.settled] == ["content_blocked"]
    assert watched.source.is_closed


def test_a_fault_of_ours_is_settled_as_one() -> None:
    def fail(_: Chunk) -> Chunk | None:
        raise KeyError("bug")

    watched = Watched(Chunk(text="x"), during=[fail])

    with pytest.raises(KeyError):
        next(watched.relay)

    assert [error and error.code for error in watched.settled] == ["internal_error"]
    assert watched.source.is_closed


def test_a_client_that_goes_away_is_settled_with_what_it_got() -> None:
    watched = Watched(Chunk(text="Good"), Chunk(text=" day"), END, LAST)
    next(watched.relay)

    watched.relay.close()
    watched.relay.close()

    assert [error and error.code for error in watched.settled] == ["cancelled"]
    assert watched.result.text == "Good"
    assert watched.source.is_closed
    assert not watched.relay.is_ready


def test_a_client_that_goes_away_before_it_reads_is_settled_too() -> None:
    watched = Watched(Chunk(text="Good"), END, LAST)

    watched.relay.close()

    assert len(watched.settled) == 1
    assert watched.source.is_closed


def test_a_close_after_the_end_changes_nothing() -> None:
    watched = Watched(Chunk(text="Good"), END, LAST)
    list(watched.relay)

    watched.relay.close()

    assert watched.settled == [None]


def test_a_whole_answer_is_replayed_as_the_stream_it_was() -> None:
    parts: list[Part] = [
        Thinking("Well", "sig"), Text("Good day"), ToolCall("a", "x", "{}"),
        ToolCall("b", "y", "[]"),
    ]  # fmt: skip
    result = ChatResult(
        Dialect.OPENAI_CHAT, parts=list(parts), finish_reason="tool_calls", usage=Usage(1, 2),
        has_usage=True, id="id_1", model="one",
    )  # fmt: skip
    source = replay(result)
    assert source.is_ready
    relayed = Relay(source, result, during=[], after=lambda: None, settle=lambda _: None)

    chunks = list(relayed)

    assert chunks[0].is_preamble
    assert chunks[-1].is_last
    assert [call.index for chunk in chunks for call in chunk.tool_calls] == [0, 1]
    assert result.parts == parts
    assert (result.finish_reason, result.usage) == ("tool_calls", Usage(1, 2))


def test_all_choices_are_replayed_each_with_its_own_end() -> None:
    call = ToolCall("c", "look", '{"a": 1}')
    said = [{"index": 2, "finish_reason": "tool_calls"}, {"index": 0, "finish_reason": "stop"},
            {"index": 1, "finish_reason": "length"}]  # fmt: skip
    result = ChatResult(
        Dialect.OPENAI_CHAT, [Text("one")], others=[[Text("two")], [call]],
        finish_reason="stop", body={"choices": said},
    )  # fmt: skip

    chunks = list(replay(result))

    told = [choice for chunk in chunks for choice in (chunk.payload or {}).get("choices", ())]
    assert [(it["index"], it["finish_reason"]) for it in told] == [(1, "length"), (2, "tool_calls")]
    assert [chunk.other_text for chunk in chunks if chunk.other_text] == ["two"]
    assert told[0]["delta"]["content"] == "two"
    assert told[1]["delta"]["tool_calls"][0]["index"] == 0
    assert told[1]["delta"]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'


def test_a_replay_does_not_make_up_a_usage_that_nobody_told() -> None:
    result = ChatResult(Dialect.OPENAI_CHAT, [Text("one")], finish_reason="stop")

    assert [chunk.usage for chunk in replay(result)] == [None] * 4


def test_long_arguments_in_small_pieces_do_not_take_the_square_of_their_length() -> None:
    """1 MB in pieces of 4 bytes: half a second; it was half a minute."""
    pieces = [Chunk(tool_calls=(ToolCallDelta(0, "a", "x", "abcd"),))] * 250_000
    whole = ChatResult(Dialect.OPENAI_CHAT)
    total = relay.Sum(whole)

    began = monotonic()
    for chunk in pieces:
        total.add(chunk)
    total.finish()

    assert monotonic() - began < 8
    assert len(whole.tool_calls[0].arguments) == 1_000_000
