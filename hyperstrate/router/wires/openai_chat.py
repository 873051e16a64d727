"""OpenAI's chat completions, as clients speak them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from hyperstrate.router.stage import Exchange
from hyperstrate.router.wires.base import ErrorReply, Inquiry, StreamWriter
from hyperstrate.router.wires.openai_chat_read import check, parse, session_of
from hyperstrate.router.wires.openai_chat_write import Writer, completion
from hyperstrate.router.wires.openai_errors import error_reply
from hyperstrate.shared.chat import ChatRequest, ChatResult, Dialect
from hyperstrate.shared.errors import AppError, ProviderError


@dataclass(frozen=True, slots=True)
class OpenAIChat:
    """``POST /v1/chat/completions``."""

    dialect: Dialect = Dialect.OPENAI_CHAT

    def read(self, body: dict[str, Any]) -> Inquiry:
        """Raises BadRequest with the field."""
        check(body)
        chat = ChatRequest(self.dialect, body, parse, stream=body.get("stream") is True)
        return Inquiry(chat, body.get("model", ""), session=session_of(body.get("metadata")))

    def result(self, exchange: Exchange, result: ChatResult) -> bytes:
        """Parts that another dialect alone has words for are left out."""
        if result.raw is not None and result.dialect is self.dialect:
            return result.raw
        return orjson.dumps(completion(result, exchange.id, _asked_model(exchange)))

    def writer(self, exchange: Exchange, result: ChatResult) -> StreamWriter:
        options = exchange.chat.body.get("stream_options")
        wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        return Writer(result, exchange.id, _asked_model(exchange), wants_usage=wants_usage)

    def error(self, error: AppError | ProviderError, request_id: str) -> ErrorReply:
        return error_reply(error)


def _asked_model(exchange: Exchange) -> str:
    model = exchange.chat.body.get("model")
    return model if isinstance(model, str) else ""
