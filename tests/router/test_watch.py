"""What matches never leaves, however the words are cut; all else leaves as it came, in time."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hyperstrate.router.watch import HOLD, UNSURE, WINDOW, Watch
from hyperstrate.shared.chat import Chunk, ToolCallDelta, Usage
from hyperstrate.shared.errors import Blocked

SECRET = "the launch code is 4711"
PATTERNS = (re.compile(r"launch code is \d+"), re.compile(r"\bbomb\b"), re.compile(r"(?s)<.*>"))
END = Chunk(finish_reason="stop", usage=Usage(1, 2))
LAST = Chunk(is_last=True)


def watch(*patterns: re.Pattern[str]) -> Watch:
    def refuse(number: int) -> None:
        raise Blocked(f"pattern {number}")

    return Watch(patterns or PATTERNS, refuse)


def passed(chunks: list[Chunk], *patterns: re.Pattern[str]) -> list[Chunk]:
    """What leaves of a whole stream."""
    it = watch(*patterns)
    return [left for chunk in chunks if (left := it.read(chunk)) is not None]


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def arguments(text: str, index: int = 0) -> Chunk:
    return Chunk(tool_calls=(ToolCallDelta(index, arguments=text),))


def words(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


@pytest.mark.parametrize("size", [1, 3, 7, 50, 10_000])
def test_clean_words_leave_whole_and_in_order(size: int) -> None:
    text = "Nothing here is worth a word. " * 60
    chunks = [Chunk(text=piece, raw=piece.encode()) for piece in cut(text, size)]

    left = passed([*chunks, replace(END, raw=b""), replace(LAST, raw=b"")])

    assert words(left) == text
    assert b"".join(chunk.raw or b"" for chunk in left) == text.encode()
    assert left[-1].is_last
    assert [chunk.usage for chunk in left if chunk.usage] == [Usage(1, 2)]


@pytest.mark.parametrize("size", [1, 2, 5, 23, 10_000])
@pytest.mark.parametrize("before", [0, UNSURE, HOLD - 3, WINDOW + 1])
def test_no_word_of_a_match_leaves_however_it_is_cut(size: int, before: int) -> None:
    it = watch()
    left: list[Chunk | None] = []
    text = "a" * before + " " + SECRET + " and " + "b" * 2 * HOLD

    def read_all() -> None:
        left.extend(it.read(Chunk(text=piece)) for piece in cut(text, size))

    with pytest.raises(Blocked, match="pattern 1"):
        read_all()

    assert "launch" not in words([chunk for chunk in left if chunk])


@pytest.mark.parametrize(
    "chunks",
    [
        [Chunk(thinking=piece) for piece in cut(SECRET, 4)],
        [Chunk(refusal=piece) for piece in cut(SECRET, 4)],
        [Chunk(other_text=piece) for piece in cut(SECRET, 4)],
        [arguments(piece) for piece in cut(SECRET, 4)],
        [arguments("launch c\\u006fde is 4711")],
        [*map(arguments, cut("launch c\\u006fde is 4711", 3))],
    ],
)
def test_every_kind_of_words_is_read(chunks: list[Chunk]) -> None:
    with pytest.raises(Blocked, match="pattern 1"):
        passed([*chunks, END, LAST])


def test_a_match_may_end_with_the_last_word() -> None:
    assert (
        words(passed([Chunk(text="a bomb"), Chunk(text="ardment"), END, LAST])) == "a bombardment"
    )

    with pytest.raises(Blocked, match="pattern 2"):
        passed([Chunk(text="a bo"), Chunk(text="mb"), END])


def test_words_of_two_kinds_are_no_match_together() -> None:
    chunks = [Chunk(thinking="launch code is "), Chunk(text="4711"), END, LAST]

    assert words(passed(chunks)) == "4711"


def test_calls_are_read_apart() -> None:
    chunks = [arguments("launch code", 0), arguments(" is 4711", 1), END, LAST]

    left = passed(chunks)

    assert [call.index for chunk in left for call in chunk.tool_calls] == [0, 1]


def test_what_is_surely_clean_does_not_wait_for_the_end() -> None:
    it = watch()

    held = [it.read(Chunk(text="x")) for _ in range(HOLD)]
    first = it.read(Chunk(text="y"))

    assert held == [None] * HOLD
    assert first == Chunk(text="x")


def test_the_end_of_a_kind_lets_its_words_go() -> None:
    it = watch()
    assert it.read(Chunk(thinking="Let me think")) is None

    left = it.read(Chunk(text="Well"))

    assert left is not None
    assert (left.thinking, left.text) == ("Let me think", "")


def test_a_preamble_does_not_wait_behind_nothing() -> None:
    role = Chunk(is_preamble=True, id="id_1", model="one")

    assert watch().read(role) is role


def test_what_has_only_its_own_events_is_not_joined() -> None:
    """Its content lives in the payload of its chunk."""
    chunks = [Chunk(text="a", raw=b"1"), Chunk(foreign="server_tool_use", raw=b"2"), END, LAST]

    left = passed(chunks)

    assert [chunk.foreign for chunk in left if chunk.foreign] == ["server_tool_use"]
    assert words(left) == "a"


def test_a_rewritten_chunk_takes_the_raw_events_of_its_neighbours_with_it() -> None:
    """Joined with one that is written anew, the others must be written anew too."""
    left = passed([Chunk(text="a", raw=b"a"), Chunk(text="b"), Chunk(text="c", raw=b"c"), LAST])

    assert words(left) == "abc"
    assert left[-1].raw is None


def test_a_long_pattern_is_searched_once_and_not_over_all_that_came() -> None:
    """The window bounds the time: 1 MB that opens a match and never ends it."""
    text = "<" + "x" * 1_000_000

    left = passed([*(Chunk(text=piece) for piece in cut(text, 100)), END, LAST])

    assert words(left) == text
