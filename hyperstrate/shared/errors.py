"""Everything that can go wrong, each with its status and code; rendered in one place per wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from hyperstrate.shared.chat import Dialect, Usage
from hyperstrate.shared.rates import Rates


class AppError(Exception):
    """A failure whose message is fit for the caller.

    ``fields`` names the wrong fields of a form or body; ``retry_after_s`` becomes Retry-After.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        fields: Mapping[str, list[str]] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})
        self.retry_after_s = retry_after_s


class BadRequest(AppError):
    status = 400
    code = "invalid_request"


class Unauthorized(AppError):
    status = 401
    code = "unauthorized"


class PaymentRequired(AppError):
    status = 402
    code = "budget_exceeded"


class Forbidden(AppError):
    status = 403
    code = "forbidden"


class Blocked(Forbidden):
    """A guardrail refused the request or the answer."""

    code = "content_blocked"


class NotFound(AppError):
    status = 404
    code = "not_found"


class Conflict(AppError):
    status = 409
    code = "conflict"


class TooLarge(AppError):
    status = 413
    code = "request_too_large"


class Unprocessable(AppError):
    status = 422
    code = "unprocessable"


class TooManyRequests(AppError):
    """``rates``: what is left of the limits that were asked."""

    status = 429
    code = "rate_limited"
    rates: Rates | None = None


class Unavailable(AppError):
    status = 503
    code = "unavailable"


ProviderErrorKind = Literal[
    "bad_request",
    "authentication",
    "permission",
    "not_found",
    "too_large",
    "rate_limited",
    "overloaded",
    "server_error",
    "timeout",
    "connection",
    "bad_answer",
    "incomplete",
    "unsupported",
    "circuit_open",
    "cancelled",
]

_STATUS: dict[ProviderErrorKind, int] = {
    "bad_request": 400,
    "authentication": 401,
    "permission": 403,
    "not_found": 404,
    "too_large": 413,
    "rate_limited": 429,
    "overloaded": 529,
    "server_error": 502,
    "timeout": 504,
    "connection": 502,
    "bad_answer": 502,
    "incomplete": 502,
    "unsupported": 422,
    "circuit_open": 503,
    "cancelled": 499,
}
_RETRYABLE: frozenset[ProviderErrorKind] = frozenset(
    {"rate_limited", "overloaded", "server_error", "timeout", "connection", "bad_answer",
     "incomplete", "circuit_open"}
)  # fmt: skip


class ProviderError(Exception):
    """A call to a provider failed.

    ``status`` is what the client gets: the upstream's own where it sent one. ``body`` is the
    upstream's error as it came, in ``dialect``, so that a client of the same dialect sees it whole.
    ``retry_after_s`` is the upstream's wish in seconds. ``usage``: what it said was used before.
    ``detail``: what the upstream said besides, for the log alone.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ProviderErrorKind,
        status: int | None = None,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
        code: str = "",
        body: bytes | None = None,
        dialect: Dialect | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.kind: ProviderErrorKind = kind
        self.status = status or _STATUS[kind]
        self.retryable = kind in _RETRYABLE if retryable is None else retryable
        self.retry_after_s = retry_after_s
        self.code = code or kind
        self.body = body
        self.dialect = dialect
        self.usage: Usage | None = None
