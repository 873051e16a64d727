"""Splits the body of a stream into its server-sent events, every byte kept."""

from __future__ import annotations

import re
from collections import deque

from hyperstrate.shared.upstream_parser import Malformed

MAX_EVENT_BYTES = 16 * 2**20
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_LONGEST_BLANK_LINE = 4


class EventSplitter:
    """Takes blocks, gives events: each with the blank line that ends it, as it was on the wire."""

    __slots__ = ("_partial", "ready")

    def __init__(self) -> None:
        self.ready: deque[bytes] = deque()
        self._partial = bytearray()

    def feed(self, block: bytes) -> None:
        """Raises Malformed when one event grows too large."""
        if not self._partial and block.find(b"\n\n") == len(block) - 2 >= 0 and b"\r" not in block:
            self.ready.append(block)  # as nearly every block, seen without a search by pattern
            return
        search_from = 0
        if self._partial:
            search_from = max(0, len(self._partial) - _LONGEST_BLANK_LINE + 1)
            self._partial += block
            if len(self._partial) > MAX_EVENT_BYTES:
                raise Malformed(f"sent an event of more than {MAX_EVENT_BYTES} bytes.")
            if not _BLANK_LINE.search(self._partial, search_from):
                return
            block = bytes(self._partial)
            self._partial.clear()
        begin = 0
        for blank_line in _BLANK_LINE.finditer(block, search_from):
            self.ready.append(block[begin : blank_line.end()])
            begin = blank_line.end()
        if begin < len(block):
            self._partial += block[begin:]

    def feed_end(self) -> None:
        """What is left is the last event, though no blank line ended it."""
        if self._partial:
            self.ready.append(bytes(self._partial))
            self._partial.clear()
