"""The content blocks of a streamed message: one open at a time, their indices dense."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hyperstrate.shared.anthropic_blocks import is_object
from hyperstrate.shared.chat import Chunk, Json

Kind = Literal["text", "thinking", "tool_use", "foreign"]
_KINDS: dict[str, Kind] = {"text": "text", "thinking": "thinking", "tool_use": "tool_use"}


@dataclass(slots=True)
class Block:
    """A block under way; ``start`` is its content_block, ``call`` the index of its tool call.

    ``waiting`` are deltas that could not be written yet. ``is_done``: it takes no more.
    """

    kind: Kind
    start: Json
    call: int = -1
    waiting: list[Json] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    is_done: bool = False

    def takes(self, kind: Kind, call: int) -> bool:
        return self.kind == kind and self.call == call and not self.is_done

    def note(self, delta: Json) -> None:
        """Remember what decides whether the block is whole."""
        if delta.get("type") == "signature_delta":
            self.is_done = True
        elif self.kind == "tool_use":
            self.arguments.append(str(delta.get("partial_json") or ""))

    @property
    def is_whole(self) -> bool:
        """Nothing can be missing: words may end anywhere, arguments with their last brace."""
        return self.kind != "tool_use" or is_object("".join(self.arguments))


class Blocks:
    """Deltas in, events out. What belongs behind a tool call that is not whole yet waits for it,
    so that the pieces of parallel calls may come in any order. Pieces of a call that was closed
    already (its arguments were a whole object) are nothing but white space, and left out."""

    def __init__(self) -> None:
        self._count = 0
        self._open: Block | None = None
        self._queue: list[Block] = []
        self._closed_calls: set[int] = set()

    @property
    def is_idle(self) -> bool:
        """No block is open or waits."""
        return self._open is None and not self._queue

    def put(self, kind: Kind, delta: Json | None, *, start: Json, call: int = -1) -> list[Json]:
        """The events of one delta; None only opens its block, described by ``start``.

        A delta without ``start`` needs its block to be open.
        """
        if call in self._closed_calls:
            return []
        if self._open is not None and self._open.takes(kind, call):
            return [*self._delta(self._open, delta), *self._advance()]
        if not start:
            return []
        if self._queue or (self._open is not None and not self._open.is_whole):
            self._wait(Block(kind, start, call), delta)
            return self._advance()
        block = Block(kind, start, call)
        return [*self._close(), *self._begin(block), *self._delta(block, delta)]

    def close(self) -> list[Json]:
        """End the open block and write all that waits."""
        events = self._close()
        for block in self._queue:
            events += [*self._flush(block), *self._close()]
        self._queue.clear()
        return events

    def follow(self, chunk: Chunk, payload: Json) -> bool:
        """Take note of a block event that passes as it came; False if it does not fit here."""
        is_start = payload.get("type") == "content_block_start"
        if self._queue or payload.get("index") != self._count - (not is_start):
            return False
        if is_start:
            return self._open is None and self._follow_start(chunk, payload)
        if self._open is None:
            return False
        if payload.get("type") == "content_block_stop":
            self._close()
        elif isinstance(delta := payload.get("delta"), dict):
            self._open.note(delta)
        return True

    def _follow_start(self, chunk: Chunk, payload: Json) -> bool:
        start = payload.get("content_block")
        if not isinstance(start, dict):
            return False
        call = chunk.tool_calls[0].index if chunk.tool_calls else -1
        self._begin(Block(_KINDS.get(str(start.get("type")), "foreign"), start, call))
        return True

    def _wait(self, block: Block, delta: Json | None) -> None:
        candidates = self._queue if block.kind == "tool_use" else self._queue[-1:]
        found = next((it for it in candidates if it.takes(block.kind, block.call)), None)
        if found is None:
            found = block
            self._queue.append(block)
        if delta is not None:
            found.waiting.append(delta)
            found.note(delta)

    def _advance(self) -> list[Json]:
        events: list[Json] = []
        while self._queue and (self._open is None or self._open.is_whole):
            events += [*self._close(), *self._flush(self._queue.pop(0))]
        return events

    def _flush(self, block: Block) -> list[Json]:
        deltas, block.waiting = block.waiting, []
        return [*self._begin(block), *(self._delta_event(delta) for delta in deltas)]

    def _begin(self, block: Block) -> list[Json]:
        self._open = block
        self._count += 1
        start = {"index": self._count - 1, "content_block": block.start}
        return [{"type": "content_block_start", **start}]

    def _delta(self, block: Block, delta: Json | None) -> list[Json]:
        if delta is None:
            return []
        block.note(delta)
        return [self._delta_event(delta)]

    def _delta_event(self, delta: Json) -> Json:
        return {"type": "content_block_delta", "index": self._count - 1, "delta": delta}

    def _close(self) -> list[Json]:
        if self._open is None:
            return []
        self._closed_calls |= {self._open.call} - {-1}
        self._open = None
        return [{"type": "content_block_stop", "index": self._count - 1}]
