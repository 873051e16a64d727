"""Anthropic and all who speak its Messages API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import orjson

from hyperstrate.ai.providers import anthropic_errors, anthropic_stream
from hyperstrate.ai.providers.anthropic_fit import fit
from hyperstrate.ai.providers.anthropic_request import render
from hyperstrate.ai.providers.base import Call, Registration
from hyperstrate.shared.anthropic_blocks import finish_of, parts_of, usage_of
from hyperstrate.shared.chat import (
    ChatRequest,
    ChatResult,
    Chunk,
    Dialect,
    Foreign,
    Json,
    Part,
    Text,
)
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.foreign_json import loads

BASE_URL = "https://api.anthropic.com/v1"
VERSION = "2023-06-01"
_VERSIONED = re.compile(r"/v\d+$")


@dataclass(frozen=True, slots=True)
class Anthropic:
    """``name`` tells apart the providers that speak this dialect."""

    name: str = "ANTHROPIC"
    dialects: ClassVar[frozenset[Dialect]] = frozenset({Dialect.ANTHROPIC_MESSAGES})

    def request(self, chat: ChatRequest, model: Registration) -> Call:
        """A body of this dialect that nobody rewrote goes out with only its model changed.

        Raises ProviderError of kind ``unsupported`` for embeddings.
        """
        if chat.operation != "chat":
            raise ProviderError("Anthropic has no embeddings", kind="unsupported")
        body, dropped = _body(chat, model)
        if chat.stream != bool(body.get("stream")):
            body["stream"] = chat.stream
        return Call(
            "POST", endpoint(model.base_url), _headers(chat, model), orjson.dumps(body), dropped
        )

    def result(self, body: bytes, chat: ChatRequest) -> ChatResult:
        """Read a message. Raises ProviderError of kind ``bad_answer``."""
        message = _message(body)
        stop_reason, usage = message.get("stop_reason"), message.get("usage")
        parts = _parts(message.get("content"))
        return ChatResult(
            Dialect.ANTHROPIC_MESSAGES,
            parts=parts,
            finish_reason=finish_of(stop_reason),
            finish_detail=str(stop_reason or ""),
            stop_sequence=str(message.get("stop_sequence") or ""),
            usage=usage_of(usage if isinstance(usage, dict) else {}),
            has_usage=isinstance(usage, dict),
            id=str(message.get("id") or ""),
            model=str(message.get("model") or ""),
            raw=body,
            body=message,
            dropped=_only_ours(parts) if chat.dialect is Dialect.OPENAI_CHAT else [],
        )

    def chunks(self, events: Iterable[bytes], chat: ChatRequest) -> Iterator[Chunk]:
        """Read the events of a stream."""
        return anthropic_stream.read(events)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Read a refusal."""
        return anthropic_errors.from_answer(status, headers, body)


def endpoint(base_url: str) -> str:
    """Where messages go; the base may be given with its version, or without as SDKs have it."""
    base = (base_url or BASE_URL).rstrip("/")
    return f"{base}/messages" if _VERSIONED.search(base) else f"{base}/v1/messages"


def _body(chat: ChatRequest, model: Registration) -> tuple[Json, tuple[str, ...]]:
    if chat.dialect is not Dialect.ANTHROPIC_MESSAGES:
        conversation, dropped = fit(chat.conversation, model)
        return render(conversation, model), tuple(dropped)
    if chat.is_rewritten:
        return render(chat.conversation, model), ()
    return {**chat.body, "model": model.upstream_model}, ()


def _headers(chat: ChatRequest, model: Registration) -> dict[str, str]:
    """The client's choice of version and betas counts where it speaks this dialect itself."""
    asked = chat.headers if chat.dialect is Dialect.ANTHROPIC_MESSAGES else {}
    headers = {
        "content-type": "application/json",
        "anthropic-version": asked.get("anthropic-version", VERSION),
    }
    if model.api_key:
        headers["x-api-key"] = model.api_key
    extra = {name.lower(): value for name, value in model.extra_headers.items()}
    betas = [its["anthropic-beta"] for its in (asked, extra) if its.get("anthropic-beta")]
    if betas:
        extra["anthropic-beta"] = ",".join(betas)
    return {**headers, **extra}


def _message(body: bytes) -> Json:
    try:
        message = loads(body)
    except ValueError:
        message = None
    if not isinstance(message, dict) or "content" not in message:
        raise ProviderError("the provider's answer is not a message", kind="bad_answer", body=body)
    return message


def _only_ours(parts: list[Part]) -> list[str]:
    """What an answer says that OpenAI's dialect has no words for."""
    names = [str(part.body.get("type", "content")) for part in parts if isinstance(part, Foreign)]
    has_sources = any(isinstance(part, Text) and part.extra.get("citations") for part in parts)
    return [*names, "citations"] if has_sources else names


def _parts(content: object) -> list[Part]:
    try:
        return parts_of(content)
    except ValueError:
        raise ProviderError("the provider's answer has no content", kind="bad_answer") from None
