"""Errors as OpenAI's clients expect them, for every path of that dialect."""

from __future__ import annotations

import orjson

from hyperstrate.router.wires.base import ErrorReply
from hyperstrate.shared.chat import Dialect, Json
from hyperstrate.shared.errors import AppError, ProviderError

_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_OURS = (Dialect.OPENAI_CHAT, Dialect.OPENAI_EMBEDDINGS)


def error_json(error: AppError | ProviderError) -> Json:
    """OpenAI's error object; a provider's own is given whole."""
    if isinstance(error, ProviderError) and error.body and error.dialect in _OURS:
        said: Json = orjson.loads(error.body)
        return said
    by_default = "server_error" if error.status >= 500 else "invalid_request_error"
    fields = error.fields if isinstance(error, AppError) else {}
    return {
        "error": {
            "message": error.message,
            "type": _TYPES.get(error.status, by_default),
            "param": next(iter(fields), None),
            "code": error.code,
        }
    }


def error_reply(error: AppError | ProviderError) -> ErrorReply:
    """The reply for ``error``, before anything was sent."""
    if isinstance(error, ProviderError) and error.body and error.dialect in _OURS:
        return ErrorReply(error.status, error.body)
    return ErrorReply(error.status, orjson.dumps(error_json(error)))
