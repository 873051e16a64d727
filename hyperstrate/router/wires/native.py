"""The gateway's own inference API: RouteInferInput, RouteInferResult and its events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from hyperstrate.router.stage import Exchange
from hyperstrate.router.wires.base import ErrorReply, Inquiry, StreamWriter
from hyperstrate.router.wires.native_read import check, parse, variables_of
from hyperstrate.router.wires.openai_chat_read import session_of
from hyperstrate.shared import sse
from hyperstrate.shared.chat import ChatRequest, ChatResult, Chunk, Dialect, Json, Usage
from hyperstrate.shared.errors import AppError, ProviderError
from hyperstrate.shared.openai_messages_write import write_call


@dataclass(frozen=True, slots=True)
class Native:
    """``POST /router/:id/infer`` and ``/infer/stream``; the path tells which, so the view sets
    ``chat.stream``."""

    dialect: Dialect = Dialect.NATIVE

    def read(self, body: dict[str, Any]) -> Inquiry:
        """Raises BadRequest with the field."""
        check(body)
        return Inquiry(
            ChatRequest(self.dialect, body, parse),
            body.get("modelId") or "",
            variables=variables_of(body),
            session=session_of(body.get("options")),
            bypass_cache=body.get("bypassCache") is True,
        )

    def result(self, exchange: Exchange, result: ChatResult) -> bytes:
        calls = [write_call(call) for call in result.tool_calls]
        body = {
            "content": result.text,
            **({"toolCalls": calls} if calls else {}),
            **usage_json(result.usage),
            "costUsd": float(result.cost_usd),
            **_selected(exchange),
            "finishReason": result.finish_reason,
            "pipelineSteps": [step.as_json() for step in exchange.steps],
        }
        return orjson.dumps(body)

    def writer(self, exchange: Exchange, result: ChatResult) -> StreamWriter:
        return Writer(exchange, result)

    def error(self, error: AppError | ProviderError, request_id: str) -> ErrorReply:
        return ErrorReply(error.status, orjson.dumps(error_json(error)))


class Writer:
    """Writes one stream: a line for every piece of text, and one at the end that sums up."""

    def __init__(self, exchange: Exchange, result: ChatResult) -> None:
        self._exchange = exchange
        self._result = result

    def chunk(self, chunk: Chunk) -> bytes:
        words = chunk.text + chunk.refusal
        event = _event({"delta": words, "done": False}) if words else b""
        return event + self._end() if chunk.is_last else event

    def error(self, error: AppError | ProviderError) -> bytes:
        """The error event: the stream ends here."""
        return _event(error_json(error))

    def _end(self) -> bytes:
        result, selected = self._result, _selected(self._exchange)
        calls = [write_call(call) for call in result.tool_calls]
        return _event(
            {
                "delta": "",
                "done": True,
                **selected,
                "selectedModelDefKey": selected["modelDefKey"],
                **({"toolCalls": calls} if calls else {}),
                **usage_json(result.usage),
                "costUsd": float(result.cost_usd),
                "finishReason": result.finish_reason,
            }
        )


def usage_json(usage: Usage) -> Json:
    """``usage`` in the API's words."""
    return {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "cachedInputTokens": usage.cached_input_tokens,
        "cacheWriteInputTokens": usage.cache_write_input_tokens,
        "cacheWrite1hInputTokens": usage.cache_write_1h_input_tokens,
    }


def error_json(error: AppError | ProviderError) -> Json:
    """The API's envelope; ``fields`` where single ones are wrong."""
    fields = error.fields if isinstance(error, AppError) else {}
    return {"error": error.message, **({"fields": fields} if fields else {})}


def _selected(exchange: Exchange) -> Json:
    """Who answered; empty words where no target was asked."""
    target = exchange.target
    if target is None:
        return {"selectedModelId": "", "selectedTargetId": "", "modelDefKey": "", "provider": ""}
    return {
        "selectedModelId": target.model.model_id,
        "selectedTargetId": target.id,
        "modelDefKey": target.model.definition_key,
        "provider": target.model.provider,
    }


def _event(body: Json) -> bytes:
    return sse.event(orjson.dumps(body))
