"""A streamed answer as the events of Anthropic's Messages API, in the one order it allows."""

from __future__ import annotations

import orjson

from hyperstrate.router.stage import Exchange
from hyperstrate.router.wires.anthropic_messages_blocks import Blocks
from hyperstrate.router.wires.anthropic_messages_errors import error_body
from hyperstrate.shared import sse
from hyperstrate.shared.anthropic_blocks import stop_reason_of, usage_json
from hyperstrate.shared.chat import (
    ChatResult,
    Chunk,
    Dialect,
    FinishReason,
    Json,
    ToolCallDelta,
    Usage,
)
from hyperstrate.shared.errors import AppError, ProviderError

_TEXT: Json = {"type": "text", "text": ""}
_THINKING: Json = {"type": "thinking", "thinking": "", "signature": ""}
_BLOCK_EVENTS = ("content_block_start", "content_block_delta", "content_block_stop")
_EVENTS = ("message_start", *_BLOCK_EVENTS, "message_delta", "message_stop")


class Writer:
    """message_start, the blocks, message_delta, message_stop.

    While the source speaks this dialect and nobody touched a chunk, its bytes pass and are only
    followed. From the first chunk that was rewritten, or does not fit because an earlier one was
    held back, all are written anew from their shape: what a stage took away must not come back
    from the payload. There the payload only tells where blocks begin and end, and brings the
    blocks that have no shape. Words of further choices are named on the result, for the log.
    """

    def __init__(self, exchange: Exchange, result: ChatResult) -> None:
        self._request_id = exchange.id
        self._result = result
        self._is_ours = self._passes = result.dialect is Dialect.ANTHROPIC_MESSAGES
        self._is_started = self._is_over = self._is_finish_said = self._is_refused = False
        self._blocks = Blocks()
        self._finish: FinishReason | None = None
        self._detail = self._sequence = ""
        self._usage: Usage | None = None
        self._said: Json = {}

    def chunk(self, chunk: Chunk) -> bytes:
        """The chunk as events, perhaps none."""
        if self._is_over:
            return b""
        payload = (chunk.payload or {}) if self._is_ours else {}
        kind = str(payload.get("type", ""))
        self._note(chunk, payload)
        if chunk.raw is not None and self._is_ours and self._may_pass(chunk, payload, kind):
            return chunk.raw
        self._passes = False
        return b"".join(map(_event, self._events(chunk, payload, kind)))

    def error(self, error: AppError | ProviderError) -> bytes:
        """The error event; nothing comes after it."""
        self._is_over = True
        return sse.event(b"".join(error_body(error, self._request_id).splitlines()), "error")

    def _note(self, chunk: Chunk, payload: Json) -> None:
        self._usage = chunk.usage or self._usage
        self._sequence = chunk.stop_sequence or self._sequence
        self._is_refused = self._is_refused or bool(chunk.refusal)
        if chunk.other_text and "choices" not in self._result.dropped:
            self._result.dropped.append("choices")
        if chunk.finish_reason is not None:
            self._finish, self._detail = chunk.finish_reason, chunk.finish_detail
        if payload.get("type") == "message_delta":
            self._said = payload

    def _may_pass(self, chunk: Chunk, payload: Json, kind: str) -> bool:
        """Comments, pings and unknown events always; the others while all fits."""
        if kind not in _EVENTS:
            return bool(payload) or chunk == Chunk(raw=chunk.raw, is_preamble=True)
        return self._passes and self._follow(chunk, payload, kind)

    def _follow(self, chunk: Chunk, payload: Json, kind: str) -> bool:
        if kind == "message_start":
            fits, self._is_started = not self._is_started, True
            return fits
        if not self._is_started:
            return False
        if kind in _BLOCK_EVENTS:
            return self._blocks.follow(chunk, payload)
        if kind == "message_delta":
            self._is_finish_said = fits = self._blocks.is_idle
            return fits
        self._is_over = fits = self._is_finish_said and self._blocks.is_idle
        return fits

    def _events(self, chunk: Chunk, payload: Json, kind: str) -> list[Json]:
        events = [] if self._is_started else [self._start(chunk, payload)]
        if kind in ("content_block_start", "content_block_stop"):
            events += self._blocks.close()
        before = len(events)
        events += self._words(chunk)
        for delta in chunk.tool_calls:
            events += self._tool_call(delta, payload)
        if chunk.foreign and kind in _BLOCK_EVENTS:
            events += self._foreign(payload, kind)
        if len(events) > before or chunk.finish_reason is not None or chunk.usage is not None:
            self._is_finish_said = False
        return [*events, *self._end()] if chunk.is_last else events

    def _start(self, chunk: Chunk, payload: Json) -> Json:
        self._is_started = True
        if payload.get("type") == "message_start":
            return payload
        message: Json = {
            "id": chunk.id or self._result.id or self._request_id,
            "type": "message",
            "role": "assistant",
            "model": chunk.model or self._result.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**usage_json(chunk.usage or self._result.usage, {}), "output_tokens": 0},
        }
        return {"type": "message_start", "message": message}

    def _words(self, chunk: Chunk) -> list[Json]:
        events: list[Json] = []
        if chunk.thinking:
            delta = {"type": "thinking_delta", "thinking": chunk.thinking}
            events += self._blocks.put("thinking", delta, start=_THINKING)
        if chunk.signature:
            delta = {"type": "signature_delta", "signature": chunk.signature}
            events += self._blocks.put("thinking", delta, start=_THINKING)
        if words := chunk.text + chunk.refusal:
            delta = {"type": "text_delta", "text": words}
            events += self._blocks.put("text", delta, start=_TEXT)
        return events

    def _tool_call(self, delta: ToolCallDelta, payload: Json) -> list[Json]:
        start: Json = {
            **_object(payload, "content_block"),
            "type": "tool_use",
            "id": delta.id or f"toolu_{self._request_id}_{delta.index}",
            "name": delta.name,
            "input": {},
        }
        piece = {"type": "input_json_delta", "partial_json": delta.arguments}
        given = piece if delta.arguments else None
        return self._blocks.put("tool_use", given, start=start, call=delta.index)

    def _foreign(self, payload: Json, kind: str) -> list[Json]:
        """A block that has no shape, as it came but for its index."""
        if kind == "content_block_start":
            return self._blocks.put("foreign", None, start=_object(payload, "content_block"))
        delta = _object(payload, "delta")
        if delta.get("type") == "citations_delta":
            return self._blocks.put("text", delta, start=_TEXT)
        return self._blocks.put("foreign", delta, start={}) if delta else []

    def _end(self) -> list[Json]:
        self._is_over = True
        stop = {"type": "message_stop"}
        if self._is_finish_said:
            return [stop]
        reason = "refusal" if self._is_refused and self._finish == "stop" else self._finish
        detail = self._detail if self._is_ours else ""
        delta = {
            **_object(self._said, "delta"),
            "stop_reason": stop_reason_of(reason, detail, self._sequence),
            "stop_sequence": self._sequence or None,
        }
        usage = usage_json(self._usage or self._result.usage, _object(self._said, "usage"))
        said = {**self._said, "type": "message_delta", "delta": delta, "usage": usage}
        return [*self._blocks.close(), said, stop]


def _object(payload: Json, name: str) -> Json:
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def _event(payload: Json) -> bytes:
    return sse.event(orjson.dumps(payload), payload["type"])
