"""Lets pages of one other origin, FRONTEND_URL, call the API from a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
MAX_AGE_S = 12 * 3600


class Cors:
    """A WSGI layer (Fetch standard, CORS protocol): answers preflights, marks answers."""

    def __init__(self, application: Application, origin: str) -> None:
        self._application = application
        self._origin = origin

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_ORIGIN") != self._origin:
            return self._application(environ, start_response)
        asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        is_preflight = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        if environ["REQUEST_METHOD"] == "OPTIONS" and is_preflight:
            start_response("204 No Content", [*self._marks(), *_permissions(asked)])
            return []

        def marked(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, [*headers, *self._marks()], *error)

        return self._application(environ, marked)

    def _marks(self) -> list[tuple[str, str]]:
        return [
            ("Access-Control-Allow-Origin", self._origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "*"),
            ("Vary", "Origin"),
        ]


def _permissions(asked: str) -> list[tuple[str, str]]:
    """What a preflight is told; any header may be sent, since SDKs send many of their own."""
    return [
        ("Access-Control-Allow-Methods", METHODS),
        ("Access-Control-Allow-Headers", asked or "authorization, content-type, x-api-key"),
        ("Access-Control-Max-Age", str(MAX_AGE_S)),
        ("Content-Length", "0"),
    ]
