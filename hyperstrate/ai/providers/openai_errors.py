"""What went wrong at a provider of OpenAI's dialect: its kind, its wish to wait, its own words."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from hyperstrate.ai.providers.base import KEPT_BYTES, SHOWN, words_of
from hyperstrate.shared.chat import Dialect, Json
from hyperstrate.shared.errors import ProviderError, ProviderErrorKind

_KINDS: dict[int, ProviderErrorKind] = {
    401: "authentication",
    402: "permission",
    403: "permission",
    404: "not_found",
    408: "timeout",
    409: "server_error",
    413: "too_large",
    425: "server_error",
    429: "rate_limited",
    498: "overloaded",  # Groq: the flex tier has no room
    499: "cancelled",
    503: "overloaded",
    504: "timeout",
    524: "timeout",
    529: "overloaded",
}
_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "insufficient_balance")
_TOO_LONG = ("context_length_exceeded", "maximum context length")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The refusal that came with an HTTP ``status`` other than 200.

    Words that are no JSON are the client's where it is the client's fault, else the log's.
    """
    said = _json(body)
    told = said.get("error") if isinstance(said.get("error"), dict | str) else said
    message, code = _message(told), _code(told)
    detail = "" if message else words_of(body)
    if detail and 400 <= status < 500:
        message, detail = f"the provider answered {status}: {detail}"[:SHOWN], ""
    message = message or f"the provider answered {status}"
    kind = kind_of(status, message, code)
    return ProviderError(
        message,
        kind=kind,
        status=status if status >= 400 else None,
        retryable=False if code in _NO_MONEY else None,
        retry_after_s=retry_after(headers, status),
        code=code,
        body=body[:KEPT_BYTES],
        dialect=Dialect.OPENAI_CHAT if _is_dialect(said) and len(body) <= KEPT_BYTES else None,
        detail=detail,
    )


def error_inside(told: Any) -> ProviderError:
    """The error that came inside a 200, as OpenRouter sends them; its code may be a status."""
    code = told.get("code") if isinstance(told, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 502
    message, word = _message(told) or f"the provider answered {status}", _code(told)
    return ProviderError(
        message,
        kind=kind_of(status, message, word),
        status=status,
        retryable=False if word in _NO_MONEY else None,
        code=word,
        body=orjson.dumps({"error": told}) if isinstance(told, dict) else None,
        dialect=Dialect.OPENAI_CHAT if isinstance(told, dict) else None,
    )


def wrong_answer(complaint: str, raw: bytes) -> ProviderError:
    """An answer that cannot be read; ``body`` keeps what came."""
    message = f"the provider's answer {complaint}"
    return ProviderError(message, kind="bad_answer", body=raw[:KEPT_BYTES])


def kind_of(status: int, message: str, code: str) -> ProviderErrorKind:
    """The kind of a refusal; one for the length of the request is the caller's to mend."""
    if any(word in code or word in message for word in _TOO_LONG):
        return "bad_request"
    if status < 400:
        return "bad_answer"
    known = _KINDS.get(status)
    return known or ("bad_request" if status < 500 else "server_error")


def retry_after(headers: Mapping[str, str], status: int) -> float | None:
    """The seconds that the provider asks to wait, from the first header that says it."""
    if (span := _number(headers.get("retry-after-ms"))) is not None:
        return span / 1000
    said = headers.get("retry-after")
    if said is not None:
        span = _number(said)
        return _until(said) if span is None else span
    if status != 429:
        return None
    spans = [
        _span(headers.get(f"x-ratelimit-reset-{what}", ""))
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    return max((span for span in spans if span is not None), default=None)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None


def _until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _span(text: str) -> float | None:
    """``6m0s``, ``20ms``, or plain seconds."""
    if (seconds := _number(text)) is not None:
        return seconds
    found = _SPAN.findall(text)
    return sum(float(number) * _SECONDS[unit] for number, unit in found) if found else None


def _json(body: bytes) -> Json:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _is_dialect(said: Json) -> bool:
    error = said.get("error")
    return isinstance(error, dict) and isinstance(error.get("message"), str)


def _message(told: Any) -> str:
    """The provider's own words; empty where they stand in no field that we know."""
    if isinstance(told, str) and told:
        return told[:SHOWN]
    if isinstance(told, dict):
        for name in ("message", "detail", "error_message"):
            if isinstance(told.get(name), str) and told[name]:
                return str(told[name])[:SHOWN]
            if told.get(name):
                return orjson.dumps(told[name]).decode()[:SHOWN]
    return ""


def _code(told: Any) -> str:
    if not isinstance(told, dict):
        return ""
    for name in ("code", "type"):
        if isinstance(told.get(name), str) and told[name]:
            return str(told[name])
    return ""
