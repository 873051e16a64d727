"""The events of a streamed message as chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from hyperstrate.ai.providers.anthropic_errors import from_event
from hyperstrate.shared.anthropic_blocks import finish_of, usage_of
from hyperstrate.shared.chat import Chunk, Json, ToolCallDelta
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.foreign_json import Payloads
from hyperstrate.shared.sse import data_of

_SILENT = ("text", "thinking")


def read(events: Iterable[bytes]) -> Iterator[Chunk]:
    """One chunk for each event, its bytes kept.

    Raises ProviderError: the error event's own, ``bad_answer``, ``incomplete``.
    """
    reader = _Reader()
    for event in events:
        chunk = reader.chunk(event)
        yield chunk
        if chunk.is_last:
            return
    raise ProviderError("the provider's stream ended before message_stop", kind="incomplete")


class _Reader:
    """What must be remembered between events: open blocks, tool calls so far, usage so far."""

    def __init__(self) -> None:
        self._blocks: dict[Any, str] = {}
        self._calls: dict[Any, int] = {}
        self._usage: Json = {}
        self._payloads = Payloads()

    def chunk(self, event: bytes) -> Chunk:
        data = data_of(event)
        if not data:
            return Chunk(raw=event, is_preamble=True)
        payload = self._payload(data)
        if payload.get("type") == "error":
            raise from_event(payload, data)
        read = _READERS.get(str(payload.get("type")))
        chunk = read(self, payload) if read else Chunk(is_preamble=True)
        chunk.raw, chunk.payload = event, payload
        return chunk

    def _payload(self, data: bytes) -> Json:
        try:
            payload = self._payloads.loads(data)
        except ValueError:
            payload = None
        if not isinstance(payload, dict):
            raise ProviderError("an event of the provider's stream is not JSON", kind="bad_answer")
        return payload

    def message_start(self, payload: Json) -> Chunk:
        message = _object(payload, "message")
        self._usage = _object(message, "usage")
        return Chunk(
            id=_string(message, "id"),
            model=_string(message, "model"),
            usage=usage_of(self._usage),
            is_preamble=True,
        )

    def block_start(self, payload: Json) -> Chunk:
        block, index = _object(payload, "content_block"), payload.get("index")
        kind = self._blocks[index] = _string(block, "type")
        if kind == "tool_use":
            call = self._calls[index] = len(self._calls)
            delta = ToolCallDelta(call, _string(block, "id"), _string(block, "name"), _given(block))
            return Chunk(tool_calls=(delta,))
        if kind not in _SILENT:
            return Chunk(foreign=kind)
        text, thinking = _string(block, "text"), _string(block, "thinking")
        return Chunk(text=text, thinking=thinking, is_preamble=not text and not thinking)

    def block_delta(self, payload: Json) -> Chunk:
        delta, index = _object(payload, "delta"), payload.get("index")
        kind = delta.get("type")
        if kind == "text_delta":
            return Chunk(text=_string(delta, "text"))
        if kind == "thinking_delta":
            return Chunk(thinking=_string(delta, "thinking"))
        if kind == "signature_delta":
            return Chunk(signature=_string(delta, "signature"))
        if kind == "input_json_delta" and index in self._calls:
            piece = ToolCallDelta(self._calls[index], arguments=_string(delta, "partial_json"))
            return Chunk(tool_calls=(piece,))
        block = self._blocks.get(index, "")
        return Chunk(foreign=str(kind) if block in _SILENT else block)

    def block_stop(self, payload: Json) -> Chunk:
        kind = self._blocks.get(payload.get("index"), "")
        return Chunk(foreign="" if kind in (*_SILENT, "tool_use") else kind)

    def message_delta(self, payload: Json) -> Chunk:
        """Its usage is cumulative and says only part; the rest stands from the start."""
        delta = _object(payload, "delta")
        said = _object(payload, "usage")
        self._usage = {**self._usage, **{k: v for k, v in said.items() if v is not None}}
        return Chunk(
            finish_reason=finish_of(delta.get("stop_reason")),
            finish_detail=_string(delta, "stop_reason"),
            stop_sequence=_string(delta, "stop_sequence"),
            usage=usage_of(self._usage),
        )

    def message_stop(self, payload: Json) -> Chunk:
        return Chunk(is_last=True)


_READERS: dict[str, Callable[[_Reader, Json], Chunk]] = {
    "message_start": _Reader.message_start,
    "content_block_start": _Reader.block_start,
    "content_block_delta": _Reader.block_delta,
    "content_block_stop": _Reader.block_stop,
    "message_delta": _Reader.message_delta,
    "message_stop": _Reader.message_stop,
}


def _object(payload: Json, name: str) -> Json:
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def _string(payload: Json, name: str) -> str:
    value = payload.get(name)
    return value if isinstance(value, str) else ""


def _given(block: Json) -> str:
    """A tool's input that came whole with its start; it is empty as a rule."""
    return orjson.dumps(block["input"]).decode() if block.get("input") else ""
