"""Reads a stream's words before they leave, and holds the newest back until they are surely clean.

Chunks are held whole, so that what is let through is what came, byte for byte.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence

from hyperstrate.shared.chat import Chunk

# At least so many characters stay behind the newest: a match up to this length never leaves.
HOLD = 256
# A match that ends in the last characters may be another one when more text comes (\b, $, (?!...)).
UNSURE = 32
# What a search looks at again, besides the new text: what bounds its time.
WINDOW = 512
TOOL = "tool "
ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


class Watch:
    """One stream under watch by ``patterns``. ``refuse`` is told the first that matches; it raises.

    The hold begins anew with each kind of content: the last words of a thought or of a tool's
    arguments do not wait for the next text.
    """

    def __init__(self, patterns: Sequence[re.Pattern[str]], refuse: Callable[[int], None]) -> None:
        self._patterns = patterns
        self._refuse = refuse
        self._windows: dict[str, str] = {}
        self._cut: set[str] = set()
        self._held: deque[tuple[Chunk, int]] = deque()
        self._held_size = 0
        self._free: deque[Chunk] = deque()
        self._channel = ""

    def read(self, chunk: Chunk) -> Chunk | None:
        """What may leave now: this chunk, earlier ones, several joined, or nothing yet."""
        pieces = _pieces(chunk)
        if pieces and pieces[-1][0] != self._channel:
            self._end_channel(pieces[-1][0])
        for key, text in pieces:
            self._search(key, text)
        size = sum(len(text) for _, text in pieces)
        self._held.append((chunk, size))
        self._held_size += size
        if chunk.finish_reason or chunk.is_last:
            self._end_channel("")
        self._let_go(HOLD)
        return _joined(self._leaving(is_last=chunk.is_last))

    def _end_channel(self, following: str) -> None:
        """The kind of content changes: what was held is whole now."""
        for key in self._windows:
            self._search(key, "", is_end=True)
        self._windows, self._channel = {}, following
        self._cut.clear()
        self._let_go(0)

    def _let_go(self, hold: int) -> None:
        """Free the oldest chunks while ``hold`` characters stay. One without words waits only for
        its turn."""
        while self._held:
            chunk, size = self._held[0]
            if size and self._held_size - size < hold:
                return
            self._held.popleft()
            self._held_size -= size
            self._free.append(chunk)

    def _leaving(self, *, is_last: bool) -> list[Chunk]:
        """The next of the free chunks that can be joined, or one that cannot: what only its own
        dialect has words for lives in its payload. With the last chunk all must go."""
        leaving: list[Chunk] = []
        while self._free:
            is_foreign = bool(self._free[0].foreign)
            if is_foreign and leaving and not is_last:
                break
            leaving.append(self._free.popleft())
            if is_foreign and not is_last:
                break
        return leaving

    def _search(self, key: str, text: str, *, is_end: bool = False) -> None:
        window = self._windows.get(key, "") + text
        start = UNSURE if key in self._cut else 0
        self._judge(window, start, is_end=is_end)
        if key.startswith(TOOL) and "\\u" in window:
            self._judge(_unescaped(window), start, is_end=is_end)
        if len(window) > WINDOW:
            self._cut.add(key)
        self._windows[key] = window[-WINDOW:]

    def _judge(self, window: str, start: int, *, is_end: bool) -> None:
        for number, pattern in enumerate(self._patterns, 1):
            match = pattern.search(window, start)
            if match and (is_end or _is_sure(match, len(window))):
                self._refuse(number)


def _unescaped(json_text: str) -> str:
    """A piece of JSON with its escaped letters as the tool will read them."""
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), json_text)


def _is_sure(match: re.Match[str], length: int) -> bool:
    """The match is far enough from the end, or its beginning could leave before that is known."""
    return match.end() <= length - UNSURE or match.start() < length - HOLD


def _pieces(chunk: Chunk) -> list[tuple[str, str]]:
    """The words of a chunk, by the kind of content that they belong to; the last one last."""
    words = [
        ("thinking", chunk.thinking),
        ("text", chunk.text),
        ("text", chunk.refusal),
        *((f"{TOOL}{call.index}", call.arguments) for call in chunk.tool_calls),
    ]
    found = [(key, text) for key, text in words if text]
    if chunk.foreign:
        found.append(("foreign", ""))
    if chunk.other_text:
        found = [("others", chunk.other_text), *(found or [("text", "")])]
    return found


def _joined(chunks: list[Chunk]) -> Chunk | None:
    """One chunk that says what ``chunks`` say; ``raw`` is their events, one after the other."""
    if len(chunks) < 2:
        return chunks[0] if chunks else None
    raws = [chunk.raw for chunk in chunks if chunk.raw is not None]
    joined = Chunk(
        raw=b"".join(raws) if len(raws) == len(chunks) else None,
        tool_calls=tuple(call for chunk in chunks for call in chunk.tool_calls),
        is_preamble=all(chunk.is_preamble for chunk in chunks),
        is_last=any(chunk.is_last for chunk in chunks),
    )
    for name in ("text", "other_text", "thinking", "signature", "refusal", "foreign"):
        setattr(joined, name, "".join([getattr(chunk, name) for chunk in chunks]))
    for name in ("finish_reason", "finish_detail", "stop_sequence", "usage", "model", "id"):
        said = [getattr(chunk, name) for chunk in chunks if getattr(chunk, name)]
        if said:
            setattr(joined, name, said[-1])
    return joined
