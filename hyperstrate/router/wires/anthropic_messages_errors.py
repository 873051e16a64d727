"""Errors in Anthropic's words."""

from __future__ import annotations

import orjson

from hyperstrate.shared.chat import Dialect
from hyperstrate.shared.errors import AppError, ProviderError

_OURS = Dialect.ANTHROPIC_MESSAGES
_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(error: AppError | ProviderError, request_id: str) -> bytes:
    """The JSON of ``error`` on one line; a provider's own of this dialect is passed whole."""
    if isinstance(error, ProviderError) and error.body and error.dialect is _OURS:
        return error.body
    said = {"type": _type_of(error.status), "message": error.message}
    return orjson.dumps({"type": "error", "error": said, "request_id": request_id})


def _type_of(status: int) -> str:
    return _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
