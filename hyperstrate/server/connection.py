"""One client's connection: its requests one after the other, and its going away."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from math import inf
from time import monotonic
from typing import Any, TypeAlias

import gevent
from greenlet import getcurrent

from hyperstrate.server.answer import Answer
from hyperstrate.server.request import Environ, Refused, Request, RequestParser

Application: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
READ_SIZE = 64 * 1024
HEAD_S = 10.0  # from the first byte of a head to its last, and to the first byte of all
BODY_S = 30.0  # between two blocks of a body
SEND_S = 60.0  # until a client that does not read has taken something
LINGER_S = 2.0  # for a client to read why the rest of its request is not wanted
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Gone(Exception):
    """The client has closed its connection, or does not read from it."""


@dataclass(slots=True)
class Service:
    """What the connections of a process share. ``environ``: WSGI's keys that never change."""

    application: Application
    environ: dict[str, Any]
    max_body_bytes: int
    report: Callable[[str, Exception], None]
    keepalive_s: float = 75.0
    is_stopping: bool = False
    answered: int = 0
    connections: set[Connection] = field(default_factory=set)

    def look_after(self, now: float) -> None:
        """End the connections that are too slow; when it is time to stop, also the idle ones."""
        for connection in list(self.connections):
            connection.look_after(now)


class Connection:
    """Reads in the loop, answers in the greenlet that runs :meth:`serve`.

    The loop goes on reading while an answer is made, so the client's going away shows at once.
    """

    __slots__ = (
        "__weakref__",
        "_client",
        "_deadline",
        "_early",
        "_has_ended",
        "_on_gone",
        "_parser",
        "_patience_s",
        "_refusal",
        "_service",
        "_socket",
        "_waiting",
        "_watcher",
    )

    def __init__(self, client: Any, environ: Mapping[str, Any], service: Service) -> None:
        self._client = client  # gevent's socket, and the plain one in it
        self._socket: socket.socket = client._sock
        self._service = service
        environ = {**environ, "hyperstrate.when_gone": self.when_gone}
        self._parser = RequestParser(environ, service.max_body_bytes)
        self._watcher = gevent.get_hub().loop.io(client.fileno(), 1)
        self._waiting: Any = None
        self._refusal: Refused | None = None
        self._has_ended = False
        self._early = b""
        self._on_gone: Callable[[], None] | None = None
        self._deadline = inf
        self._patience_s = HEAD_S

    def serve(self) -> None:
        """Answer until either side has enough."""
        self._client.settimeout(SEND_S)
        self._service.connections.add(self)
        self._watcher.start(self._read)
        try:
            while (request := self._next()) and self._answer(request):
                pass
            self._say_why_not()
        except Gone:
            pass
        finally:
            self._service.connections.discard(self)
            self._watcher.stop()
            self._watcher.close()

    def when_gone(self, action: Callable[[], None]) -> Callable[[], None]:
        """Run ``action``, in a greenlet of its own, when the client hangs up during this request.

        Returns what takes that back. A client that sends more requests ahead is not watched.
        """
        self._on_gone = action
        if self._has_ended:
            self._tell_gone()
        return self._forget

    def _forget(self) -> None:
        self._on_gone = None

    def _tell_gone(self) -> None:
        action, self._on_gone = self._on_gone, None
        if action is not None:
            gevent.spawn(action)

    def _next(self) -> Request | None:
        """The next request, or None when there will be none."""
        ready = self._parser.ready
        if not ready and self._early:
            early, self._early = self._early, b""
            self._watcher.start(self._read)
            self._feed(early)
        if not ready and not self._has_ended and self._refusal is None:
            patience_s = HEAD_S if self._parser.is_begun else self._patience_s
            self._deadline = monotonic() + patience_s
            self._waiting = getcurrent()
            gevent.get_hub().switch()
        self._deadline = inf
        return ready.popleft() if ready else None

    def _wake(self) -> None:
        """For the loop only."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.switch()

    def _read(self) -> None:
        """For the loop only: something has come."""
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end()
        elif self._waiting is None:
            self._early += data
            self._watcher.stop()
        else:
            self._feed(data)
        if self._parser.ready or self._has_ended or self._refusal is not None:
            self._wake()

    def _end(self) -> None:
        self._watcher.stop()
        self._has_ended = True
        self._tell_gone()

    def _feed(self, data: bytes) -> None:
        parser = self._parser
        was_begun = parser.is_begun
        try:
            parser.feed(data)
        except Refused as refusal:
            self._refusal = refusal
            self._watcher.stop()
            return
        if parser.wants_continue:
            parser.wants_continue = False
            with contextlib.suppress(OSError):
                self._socket.send(CONTINUE)
        if parser.has_head:
            self._deadline = monotonic() + BODY_S
        elif parser.is_begun and not was_begun:
            self._deadline = monotonic() + HEAD_S

    def look_after(self, now: float) -> None:
        """End the wait for a request that takes too long, or for any when it is time to stop."""
        is_idle = self._waiting is not None and not self._parser.is_begun
        if now < self._deadline and not (is_idle and self._service.is_stopping):
            return
        if self._parser.is_begun:
            self._refusal = Refused(408, "the request did not come in time")
        self._has_ended = True
        gevent.get_hub().loop.run_callback(self._wake)

    def _send(self, data: bytes) -> None:
        """One plain send where the buffer takes it: gevent's own costs more than the call."""
        try:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
            if sent == len(data):
                return
            rest = memoryview(data)[sent:]
            while rest:
                rest = rest[self._client.send(rest) :]
        except OSError:
            raise Gone from None

    def _answer(self, request: Request) -> bool:
        """Whether another request may follow."""
        service = self._service
        service.answered += 1
        answer = Answer(request, self._send)
        try:
            self._run(request, answer)
        except Gone:
            raise
        except Exception as error:
            environ = request.environ
            service.report(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}", error)
            if answer.has_begun:
                raise Gone from None
            self._refusal = Refused(500, "internal server error")
            return False
        finally:
            self._on_gone = None
        if request.is_cut:
            self._linger()
        self._patience_s = service.keepalive_s
        return answer.keeps_alive

    def _run(self, request: Request, answer: Answer) -> None:
        blocks = self._service.application(request.environ, answer.start)
        try:
            if self._service.is_stopping:
                answer.keeps_alive = False
            answer.send_all(blocks)
        finally:
            if close := getattr(blocks, "close", None):
                close()

    def _say_why_not(self) -> None:
        if self._refusal is None:
            return
        status, reason = self._refusal.status, str(self._refusal)
        body = b'{"error":"%b"}' % reason.encode("ascii")
        head = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._send(head.encode("ascii") + body)
        self._linger()

    def _linger(self) -> None:
        """Close our half and read on for a while: else the rest of the request would make the
        system take the answer back from the client (RFC 9112, 9.6)."""
        self._watcher.stop()
        with contextlib.suppress(OSError), gevent.Timeout(LINGER_S, False):  # type: ignore[arg-type]
            self._socket.shutdown(socket.SHUT_WR)
            while self._client.recv(READ_SIZE):
                pass
