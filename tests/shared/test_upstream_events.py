"""Events come out byte for byte as they went in, however the network cuts them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperstrate.shared import upstream_events
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.upstream import Response, Timeouts, Upstream
from hyperstrate.shared.upstream_events import EventSplitter
from hyperstrate.shared.upstream_parser import Malformed
from tests import answers
from tests.upstreams import Provider

LINES = st.sampled_from(["data: a", "data: ü €", "event: x", ": ping", "id: 1", "data:", "x" * 99])
BREAKS = st.sampled_from(["\n", "\r\n"])


@st.composite
def event(draw: st.DrawFn) -> bytes:
    """An event with any mix of line ends."""
    lines = draw(st.lists(LINES, min_size=1, max_size=4))
    return "".join(line + draw(BREAKS) for line in lines).encode() + draw(BREAKS).encode()


def split(blocks: list[bytes]) -> list[bytes]:
    splitter = EventSplitter()
    for block in blocks:
        splitter.feed(block)
    splitter.feed_end()
    return list(splitter.ready)


def cut(wire: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    return [wire[begin:end] for begin, end in pairwise(edges) if begin < end]


@given(st.lists(event(), max_size=8), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_gives_the_same_events(events: list[bytes], places: list[int]) -> None:
    assert split(cut(b"".join(events), places)) == events


@given(st.text("a\r\n", max_size=60), st.lists(st.integers(0, 100), max_size=12))
def test_no_byte_is_lost_or_moved(text: str, places: list[int]) -> None:
    wire = text.encode()

    cut_events = split(cut(wire, places))

    assert b"".join(cut_events) == wire
    assert cut_events == split([wire])


def test_every_single_byte_may_be_a_block() -> None:
    wire = b": ping\r\n\r\nevent: a\ndata: 1\n\ndata: [DONE]"

    events = split([bytes([byte]) for byte in wire])

    assert events == [b": ping\r\n\r\n", b"event: a\ndata: 1\n\n", b"data: [DONE]"]


def test_one_event_may_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_events, "MAX_EVENT_BYTES", 1000)
    splitter = EventSplitter()
    splitter.feed(b"data: " + b"a" * 900)

    with pytest.raises(Malformed, match="event of more than 1000 bytes"):
        splitter.feed(b"a" * 200)


def test_events_of_a_call_come_as_they_are_sent() -> None:
    sent = [b": ping\n\n", *answers.openai_events("Hel", "lo"), b"data: unfinished"]
    upstream = Upstream(AddressRules(("127.0.0.1",)))
    with Provider() as provider:
        provider.answers(answers.sse(sent), answers.sse([b"data: 1\n\ndata: 2\n\n"]))

        first = list(_open(upstream, provider).events())
        events = _open(upstream, provider).events()

        assert first == sent
        assert (events.is_ready, next(events), events.is_ready) == (False, b"data: 1\n\n", True)
        assert list(events) == [b"data: 2\n\n"]
        assert len(provider.connections) == 1
        upstream.close()


def test_events_before_a_break_are_delivered() -> None:
    from_start: list[bytes] = []
    with Provider() as provider:
        provider.answers(answers.sse(["1", "2", b"data: half"], ending="cut"))
        events = _open(Upstream(AddressRules(("*",))), provider).events()

        with pytest.raises(Exception, match="broke off"):
            from_start.extend(events)

    assert from_start == [b"data: 1\n\n", b"data: 2\n\n"]


def test_an_event_without_end_fails_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_events, "MAX_EVENT_BYTES", 1000)
    with Provider() as provider:
        provider.answers(answers.sse([b"a" * 600, b"a" * 600], delay_s=0.01))
        events = _open(Upstream(AddressRules(("*",))), provider).events()

        with pytest.raises(Exception, match="event of more than"):
            next(events)

        assert provider.wait_closed()


def _open(upstream: Upstream, provider: Provider) -> Response:
    return upstream.open("POST", provider.url, {}, b"{}", Timeouts(), Cancellation())
