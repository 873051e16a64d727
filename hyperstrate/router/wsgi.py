"""The inference paths as a plain WSGI application, in front of Flask: the same proxy, sooner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeAlias

from hyperstrate.router import paths
from hyperstrate.router.proxy import Call, Proxy, Reply
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.hangup import watch
from hyperstrate.shared.inference import Cancellation

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
WhenGone: TypeAlias = Callable[[Callable[[], None]], Callable[[], None]]
STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class InferenceFirst:
    """Answers inference calls that bring a key or token; everything else goes to Flask."""

    def __init__(self, flask: Application, proxy: Proxy, *, max_body_bytes: int) -> None:
        self._flask = flask
        self._proxy = proxy
        self._max_body_bytes = max_body_bytes

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = paths.read(environ["PATH_INFO"])
        if path is None or not _brings_credential(environ):
            return self._flask(environ, start_response)
        reply = self.answer(environ, path)
        if reply.stream is not None:
            start_response(_status_line(reply.status), reply.headers)
            return reply.stream
        reply.headers.append(("Content-Length", str(len(reply.body))))
        start_response(_status_line(reply.status), reply.headers)
        return [reply.body]

    def answer(self, environ: Environ, path: paths.Path, caller: Caller | None = None) -> Reply:
        """Answer the call in ``environ``; upstream is stopped when the client hangs up."""
        cancellation = Cancellation()
        call = Call(
            path=path,
            method=environ["REQUEST_METHOD"],
            headers=_headers(environ),
            body=_body(environ, self._max_body_bytes),
            caller=caller,
            address=environ.get("REMOTE_ADDR", ""),
            cancellation=cancellation,
        )
        stop = _watch(environ, cancellation)
        reply = self._proxy.handle(call)
        if reply.stream is not None:
            reply.stream.when_closed = stop
        else:
            stop()
        if len(call.body) > self._max_body_bytes:
            reply.headers.append(("Connection", "close"))
        return reply


def _brings_credential(environ: Environ) -> bool:
    return "HTTP_AUTHORIZATION" in environ or "HTTP_X_API_KEY" in environ


def _headers(environ: Environ) -> dict[str, str]:
    return {name: value for key, value in environ.items() if (name := _header_name(key))}


@lru_cache(maxsize=1024)
def _header_name(key: str) -> str:
    """What WSGI calls ``key``, in lower case; nothing for what is no header."""
    return key[5:].replace("_", "-").lower() if key.startswith("HTTP_") else ""


def _body(environ: Environ, most: int) -> bytes:
    """The body; one byte more than ``most`` of one that is too large."""
    length = environ.get("CONTENT_LENGTH")
    if not length and not environ.get("wsgi.input_terminated"):
        return b""
    wanted = min(int(length), most + 1) if length and length.isdigit() else most + 1
    body: bytes = environ["wsgi.input"].read(wanted)
    return body


def _watch(environ: Environ, cancellation: Cancellation) -> Callable[[], None]:
    """Cancel when the client hangs up: our server tells, under gunicorn's own we look."""
    when_gone: WhenGone | None = environ.get("hyperstrate.when_gone")
    if when_gone is not None:
        return when_gone(cancellation.cancel)
    client = environ.get("gunicorn.socket")
    if client is None or not hasattr(client, "_sock"):
        return _nothing
    return watch(client, cancellation.cancel)


def _nothing() -> None:
    """There is no connection to watch."""


def _status_line(status: int) -> str:
    return STATUS_LINES.get(status) or f"{status} Status {status}"
