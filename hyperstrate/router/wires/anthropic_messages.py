"""Anthropic's Messages API as clients speak it."""

from __future__ import annotations

from typing import Any

import orjson

from hyperstrate.router.stage import Exchange
from hyperstrate.router.wires.anthropic_messages_errors import error_body
from hyperstrate.router.wires.anthropic_messages_read import conversation_of
from hyperstrate.router.wires.anthropic_messages_stream import Writer
from hyperstrate.router.wires.base import ErrorReply, Inquiry
from hyperstrate.shared.anthropic_blocks import blocks_of, stop_reason_of, usage_json
from hyperstrate.shared.chat import ChatRequest, ChatResult, Dialect
from hyperstrate.shared.errors import AppError, BadRequest, ProviderError

_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "model": (str, "must be a string"),
    "max_tokens": (int, "must be an integer"),
    "stream": (bool, "must be a boolean"),
    "system": ((str, list), "must be a string or a list of text blocks"),
    "tools": (list, "must be a list"),
}


class AnthropicMessages:
    """Tool arguments that are no JSON object reach the client as ``{"INVALID_JSON": text}``."""

    dialect = Dialect.ANTHROPIC_MESSAGES

    def read(self, body: dict[str, Any]) -> Inquiry:
        """Check what everything relies on; blocks are looked at when somebody asks for them.

        Raises BadRequest.
        """
        for field, (kind, complaint) in _KINDS.items():
            value = body.get(field)
            is_number = isinstance(value, bool) and kind is int
            if value is not None and (is_number or not isinstance(value, kind)):
                raise _wrong(field, complaint)
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise _wrong("messages", "must be a list with at least one message")
        for place, message in enumerate(messages):
            if not isinstance(message, dict) or not isinstance(message.get("role"), str):
                raise _wrong(f"messages.{place}", "must be an object with a role")
        chat = ChatRequest(self.dialect, body, conversation_of, stream=bool(body.get("stream")))
        return Inquiry(chat, model=body.get("model") or "")

    def result(self, exchange: Exchange, result: ChatResult) -> bytes:
        """The message; over the provider's own fields where they were of this dialect."""
        is_ours = result.dialect is self.dialect
        if is_ours and result.raw is not None:
            return result.raw
        said = result.body if is_ours else {}
        usage = said.get("usage")
        detail = result.finish_detail if is_ours else ""
        message = {
            **said,
            "id": result.id or exchange.id,
            "type": "message",
            "role": "assistant",
            "model": result.model,
            "content": blocks_of(result.parts),
            "stop_reason": stop_reason_of(result.finish_reason, detail, result.stop_sequence),
            "stop_sequence": result.stop_sequence or None,
            "usage": usage_json(result.usage, usage if isinstance(usage, dict) else {}),
        }
        return orjson.dumps(message)

    def writer(self, exchange: Exchange, result: ChatResult) -> Writer:
        return Writer(exchange, result)

    def error(self, error: AppError | ProviderError, request_id: str) -> ErrorReply:
        return ErrorReply(error.status, error_body(error, request_id))


def _wrong(field: str, message: str) -> BadRequest:
    return BadRequest(f"{field}: {message}", fields={field: [message]})
