"""OpenAI's embeddings, as clients speak them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from hyperstrate.router.stage import Exchange
from hyperstrate.router.wires.base import ErrorReply, Inquiry, StreamWriter
from hyperstrate.router.wires.openai_chat_read import check_common, refuse
from hyperstrate.router.wires.openai_errors import error_reply
from hyperstrate.shared.chat import ChatRequest, ChatResult, Conversation, Dialect, Message, Text
from hyperstrate.shared.errors import AppError, BadRequest, ProviderError


@dataclass(frozen=True, slots=True)
class OpenAIEmbeddings:
    """``POST /v1/embeddings``."""

    dialect: Dialect = Dialect.OPENAI_EMBEDDINGS

    def read(self, body: dict[str, Any]) -> Inquiry:
        """Raises BadRequest with the field."""
        check_common(body)
        given = body.get("input")
        if not given or not isinstance(given, str | list) or not _is_of_one_kind(given):
            raise refuse("input", "must be a text, a list of texts, or tokens")
        chat = ChatRequest(self.dialect, body, _parse, operation="embeddings")
        return Inquiry(chat, body.get("model", ""))

    def result(self, exchange: Exchange, result: ChatResult) -> bytes:
        return result.raw if result.raw is not None else orjson.dumps(result.body)

    def writer(self, exchange: Exchange, result: ChatResult) -> StreamWriter:
        """Embeddings are not streamed. Raises BadRequest."""
        raise BadRequest("embeddings are not streamed", fields={"stream": ["must be left out"]})

    def error(self, error: AppError | ProviderError, request_id: str) -> ErrorReply:
        return error_reply(error)


def _is_of_one_kind(given: str | list[Any]) -> bool:
    """A list of texts, of token numbers, or of lists of token numbers."""
    if isinstance(given, str):
        return True
    kind = type(given[0])
    return kind in (str, int, list) and all(type(item) is kind for item in given)


def _parse(body: dict[str, Any]) -> Conversation:
    """One user message for each text; tokens have no words to read."""
    given = body["input"]
    texts = [given] if isinstance(given, str) else [it for it in given if isinstance(it, str)]
    return Conversation([Message("user", [Text(text)]) for text in texts])
