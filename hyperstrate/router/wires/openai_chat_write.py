"""Answers as OpenAI's chat completions: one JSON body, or chunks of a stream."""

from __future__ import annotations

import time
from typing import Any

import orjson

from hyperstrate.router.wires.openai_errors import error_json
from hyperstrate.shared import sse
from hyperstrate.shared.chat import (
    ChatResult,
    Chunk,
    Dialect,
    FinishReason,
    Json,
    Message,
    Part,
    Text,
    Thinking,
    ToolCallDelta,
    Usage,
)
from hyperstrate.shared.errors import AppError, ProviderError
from hyperstrate.shared.openai_messages import arguments_of, rest
from hyperstrate.shared.openai_messages_write import block_of, write_assistant

DONE = sse.event(b"[DONE]")
_WORDS: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "stop",
}
_SEALED = "redacted_thinking"
_ALSO_STOP = ("stop", "tool_calls", "refusal")


def finish_word(reason: FinishReason | None, detail: str, source: Dialect) -> str | None:
    """The finish_reason for the client: the provider's own word while it still says the same."""
    if reason is None:
        return None
    is_ours = source is Dialect.OPENAI_CHAT
    if is_ours and detail == "stop" and reason in _ALSO_STOP:
        return "stop"
    return "function_call" if is_ours and detail == "function_call" else _WORDS[reason]


def usage_json(usage: Usage) -> Json:
    """``usage`` in OpenAI's words, and in OpenRouter's for what was written to the cache."""
    inputs = {"cached_tokens": usage.cached_input_tokens}
    written = usage.cache_write_input_tokens + usage.cache_write_1h_input_tokens
    if written:
        inputs["cache_write_tokens"] = written
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": inputs,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def completion(result: ChatResult, fallback_id: str, asked_model: str) -> Json:
    """A chat.completion. What the provider said besides is kept, where no stage changed it."""
    said = result.body if result.dialect is Dialect.OPENAI_CHAT else {}
    known: list[Json] = said.get("choices", [])
    choices = [
        _choice(result, index, parts, known[index] if index < len(known) else {})
        for index, parts in enumerate([result.parts, *result.others])
    ]
    body = {
        "id": result.id or f"chatcmpl-{fallback_id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": result.model or asked_model,
        **rest(said, "choices"),
        "choices": choices,
    }
    if "usage" not in said:
        body["usage"] = usage_json(result.usage)
    return body


def _choice(result: ChatResult, index: int, parts: list[Part], said: Json) -> Json:
    word = finish_word(result.finish_reason, result.finish_detail, result.dialect)
    if index:
        word = said.get("finish_reason", word)
    known = said.get("message", {})
    message = _message(parts, known, is_refusal=not index and result.finish_reason == "refusal")
    if said and _spoken(message) == _spoken(known):
        return {**said, "finish_reason": word}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": word}


def _message(parts: list[Part], known: Json, *, is_refusal: bool) -> Json:
    """The words, each in the field where ``known``, the provider's own message, has them."""
    if is_refusal and known.get("refusal"):
        parts = [_refusal(part) for part in parts]
    message = write_assistant(Message("assistant", _joined(parts)))
    if message["content"] is None and "tool_calls" not in message and "refusal" not in message:
        message["content"] = ""
    if "reasoning" in known and "reasoning_content" in message:
        message["reasoning"] = message.pop("reasoning_content")
    return message


def _spoken(message: Json) -> tuple[Any, ...]:
    """What the stages can change of a message."""
    calls = [
        (call.get("id"), call["function"].get("name"), arguments_of(call["function"]))
        if isinstance(call.get("function"), dict)
        else call
        for call in message.get("tool_calls") or ()
    ]
    thoughts = message.get("reasoning_content") or message.get("reasoning") or ""
    return message.get("content") or "", message.get("refusal") or "", thoughts, calls


def _refusal(part: Part) -> Part:
    return Text(part.text, {"refusal": "message"}) if isinstance(part, Text) else part


def _joined(parts: list[Part]) -> list[Part]:
    """OpenAI's answer has one text: the words of all parts."""
    texts = [part for part in parts if isinstance(part, Text) and not part.extra.get("refusal")]
    if not texts:
        return parts
    others = [part for part in parts if not any(part is text for text in texts)]
    words = "".join(text.text for text in texts)
    return [*others, Text(words)] if words else others


class Writer:
    """Writes one stream. Events of our own dialect pass as they came, all others are written.

    What cannot be written is named on the result, for the log.
    """

    def __init__(
        self, result: ChatResult, fallback_id: str, asked_model: str, *, wants_usage: bool
    ) -> None:
        self._source = result.dialect
        self._is_ours = result.dialect is Dialect.OPENAI_CHAT
        self._wants_usage = wants_usage
        self._dropped = result.dropped
        self._usage: Usage | None = None
        self._has_role = False
        self._is_over = False
        self._calls: dict[int, int] = {}
        self._thoughts: list[str] = []
        self._blocks = 0
        self._head: Json = {
            "id": result.id or f"chatcmpl-{fallback_id}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": result.model or asked_model,
        }
        self._has_head = bool(result.id)

    def chunk(self, chunk: Chunk) -> bytes:
        """The chunk as SSE events, perhaps none."""
        if self._is_over:
            return b""
        self._is_over = chunk.is_last
        if not self._has_head:
            self._learn(chunk)
        if chunk.raw is not None and self._is_ours:
            return self._pass(chunk, chunk.raw)
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.foreign not in ("", _SEALED, *self._dropped):
            self._dropped.append(chunk.foreign)
        return self._written(chunk)

    def error(self, error: AppError | ProviderError) -> bytes:
        """The error event: the stream ends here, without an invented finish and without [DONE]."""
        self._is_over = True
        return sse.event(orjson.dumps(error_json(error)))

    def _pass(self, chunk: Chunk, raw: bytes) -> bytes:
        payload = chunk.payload
        if chunk.is_last:
            return self._usage_event() + raw
        if payload is None:
            return raw
        if chunk.usage is not None:
            self._usage = None
            if not self._wants_usage and payload.get("choices") == []:
                return b""
        self._has_role = self._has_role or bool(payload.get("choices"))
        return raw

    def _learn(self, chunk: Chunk) -> None:
        """Who answers: from the first event that says it."""
        if chunk.payload is not None and self._is_ours:
            known = rest(chunk.payload, "choices", "usage", "obfuscation", "x_groq", "object")
            self._head = {**self._head, **known}
            self._has_head = True
        elif chunk.id:
            self._head["id"] = chunk.id
            self._head["model"] = chunk.model or self._head["model"]
            self._has_head = True

    def _written(self, chunk: Chunk) -> bytes:
        events = b""
        delta = self._delta(chunk)
        if delta:
            events += self._event(0, delta)
        events += b"".join(self._event(*other) for other in _others(chunk))
        if chunk.finish_reason is not None:
            word = finish_word(chunk.finish_reason, chunk.finish_detail, self._source)
            events += self._event(0, {}, word)
        return events + self._usage_event() + DONE if chunk.is_last else events

    def _delta(self, chunk: Chunk) -> Json:
        delta: Json = {}
        if chunk.thinking:
            delta[_thinking_field(chunk)] = chunk.thinking
            self._thoughts.append(chunk.thinking)
        sealed = self._sealed(chunk)
        if sealed is not None:
            delta["thinking_blocks"] = [{**block_of(sealed), "index": self._blocks}]
            self._thoughts, self._blocks = [], self._blocks + 1
        if chunk.refusal:
            delta["refusal"] = chunk.refusal
        if chunk.text:
            delta["content"] = chunk.text
        if chunk.tool_calls:
            delta["tool_calls"] = [self._call(piece) for piece in chunk.tool_calls]
        is_first_word = chunk.is_preamble and self._has_head
        if self._has_role or not (delta or is_first_word or chunk.finish_reason):
            return delta
        self._has_role = True
        return {"role": "assistant", "content": "", **delta}

    def _sealed(self, chunk: Chunk) -> Thinking | None:
        """The thinking that must come back unharmed, whole when its seal has come."""
        if chunk.signature:
            return Thinking("".join(self._thoughts), chunk.signature)
        block = (chunk.payload or {}).get("content_block")
        if chunk.foreign != _SEALED or not isinstance(block, dict):
            return None
        return Thinking(redacted=str(block.get("data") or ""))

    def _call(self, piece: ToolCallDelta) -> Json:
        """Numbered from 0 without a gap, as OpenAI's are; id and name with the first piece."""
        is_new = piece.index not in self._calls
        index = self._calls.setdefault(piece.index, len(self._calls))
        if not is_new:
            return {"index": index, "function": {"arguments": piece.arguments}}
        function = {"name": piece.name, "arguments": piece.arguments}
        return {"index": index, "id": piece.id, "type": "function", "function": function}

    def _usage_event(self) -> bytes:
        if self._usage is None or not self._wants_usage:
            return b""
        return sse.event(
            orjson.dumps({**self._head, "choices": [], "usage": usage_json(self._usage)})
        )

    def _event(self, index: int, delta: Json, finish: Any = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse.event(orjson.dumps({**self._head, "choices": [choice]}))


def _thinking_field(chunk: Chunk) -> str:
    """The provider's own word for it, where it is one of our dialect."""
    for choice in (chunk.payload or {}).get("choices") or ():
        if isinstance(choice, dict) and "reasoning" in (choice.get("delta") or {}):
            return "reasoning"
    return "reasoning_content"


def _others(chunk: Chunk) -> list[tuple[int, Json, Any]]:
    """What goes to choices beyond the first: their words as the stages left them."""
    known = [choice for choice in (chunk.payload or {}).get("choices") or () if choice.get("index")]
    if not known:
        return [(1, {"content": chunk.other_text}, None)] if chunk.other_text else []
    first, *more = known
    came = "".join(_content(choice) for choice in known)
    if came == chunk.other_text:
        return [(it["index"], it.get("delta") or {}, it.get("finish_reason")) for it in known]
    rewritten = (first["index"], {"content": chunk.other_text}, first.get("finish_reason"))
    return [rewritten, *((it["index"], {}, it.get("finish_reason")) for it in more)]


def _content(choice: Json) -> str:
    content = (choice.get("delta") or {}).get("content")
    return content if isinstance(content, str) else ""
