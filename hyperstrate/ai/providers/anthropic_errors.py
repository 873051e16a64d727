"""What Anthropic says when something went wrong, as a ProviderError."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from hyperstrate.ai.providers.base import SHOWN, words_of
from hyperstrate.shared.chat import Dialect, Json
from hyperstrate.shared.errors import ProviderError, ProviderErrorKind

LONGEST_WISH_S = 1e9
_BY_TYPE: dict[str, tuple[ProviderErrorKind, int]] = {
    "invalid_request_error": ("bad_request", 400),
    "authentication_error": ("authentication", 401),
    "billing_error": ("permission", 402),
    "permission_error": ("permission", 403),
    "not_found_error": ("not_found", 404),
    "conflict_error": ("bad_request", 409),
    "request_too_large": ("too_large", 413),
    "rate_limit_error": ("rate_limited", 429),
    "api_error": ("server_error", 500),
    "timeout_error": ("timeout", 504),
    "overloaded_error": ("overloaded", 529),
}
_BY_STATUS: dict[int, ProviderErrorKind] = {
    401: "authentication",
    402: "permission",
    403: "permission",
    404: "not_found",
    408: "timeout",
    413: "too_large",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
_SHOULD_RETRY = {"true": True, "false": False}


def from_answer(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """A refusal. Its type decides the kind, else its status; ``x-should-retry`` has the last word.

    The body keeps its dialect only where it has Anthropic's form, not when a proxy wrote it: what
    that said is the client's where it is the client's fault, else the log's.
    """
    payload = _payload(body)
    said = _said(payload)
    known = _BY_TYPE.get(str(said.get("type")))
    message, detail = _message(said, status), "" if said else words_of(body)
    if detail and 400 <= status < 500:
        message, detail = f"{message}: {detail}"[:SHOWN], ""
    return ProviderError(
        message,
        kind=known[0] if known else _kind(status),
        status=status if status >= 400 else None,
        retryable=_SHOULD_RETRY.get(headers.get("x-should-retry", "")),
        retry_after_s=_retry_after_s(headers),
        code=str(said.get("type") or ""),
        body=body,
        dialect=Dialect.ANTHROPIC_MESSAGES if said else None,
        detail=detail,
    )


def from_event(payload: Json, data: bytes) -> ProviderError:
    """The error event of a stream, which has no status of its own."""
    said = _said(payload)
    kind, status = _BY_TYPE.get(str(said.get("type")), ("server_error", 500))
    return ProviderError(
        _message(said, status),
        kind=kind,
        status=status,
        code=str(said.get("type") or ""),
        body=data,
        dialect=Dialect.ANTHROPIC_MESSAGES,
    )


def _payload(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _said(payload: Any) -> Json:
    error = payload.get("error") if isinstance(payload, dict) else None
    return error if isinstance(error, dict) and payload.get("type") == "error" else {}


def _message(said: Json, status: int) -> str:
    message = said.get("message")
    return message if isinstance(message, str) else f"the provider answered {status}"


def _kind(status: int) -> ProviderErrorKind:
    if status < 400:
        return "bad_answer"
    return _BY_STATUS.get(status, "server_error" if status >= 500 else "bad_request")


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds, or a date (RFC 9110, section 10.2.3)."""
    wish = headers.get("retry-after", "").strip()
    try:
        seconds = float(wish)
    except ValueError:
        return _until(wish)
    return seconds if 0 <= seconds < LONGEST_WISH_S else None


def _until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
