"""A provider on 127.0.0.1 whose answers and faults are scripted; every test that calls out uses it.

    with Provider() as provider:
        provider.answers(answers.rate_limited(1), answers.openai("Hello"))   # one per request
        provider.always(answers.openai_stream("Hel", "lo"))                  # then this one
        ... call provider.url ...
        assert provider.requests[0].json["model"] == "gpt-4o"
        assert provider.wait_closed()          # the client closed the last request's connection

The answers are in ``tests/answers.py``. A request without one gets a 500 that says so.
Nothing sleeps for luck: waits are events.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import orjson


class Gone(Exception):
    """The client closed the connection, or the provider is being closed."""


class Connection:
    """The provider's side of one connection.

    ``closed`` is set once the client has closed it, ``ended`` once the provider has on purpose.
    """

    def __init__(self, sock: socket.socket, released: socket.socket) -> None:
        self.sock = sock
        self.closed = threading.Event()
        self.ended = threading.Event()
        self.blocks_sent = 0
        self._released = released
        self._buffer = b""

    def send(self, block: bytes) -> None:
        """Raises Gone when the client is not there any more."""
        try:
            self.sock.sendall(block)
        except OSError:
            self.closed.set()
            raise Gone from None
        self.blocks_sent += 1

    def pause(self, seconds: float | None) -> None:
        """Until the time is over or the provider is released; raises Gone when the client goes."""
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or (left := end - time.monotonic()) > 0:
            wait = None if end is None else left
            ready, _, _ = select.select([self.sock, self._released], [], [], wait)
            if self._released in ready:
                return
            if ready and not self._peek():
                self.closed.set()
                raise Gone

    def read_until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._receive()
        found, _, self._buffer = self._buffer.partition(end)
        return found

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def finish(self) -> None:
        """End our side, and wait until the client has closed its own."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        self.ended.set()
        with contextlib.suppress(Gone):
            while True:
                self._receive()

    def reset(self) -> NoReturn:
        """Close with a RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise Gone

    def _receive(self) -> None:
        try:
            block = self.sock.recv(65536)
        except OSError:
            block = b""
        if not block:
            self.closed.set()
            raise Gone
        self._buffer += block

    def _peek(self) -> bytes:
        if isinstance(self.sock, ssl.SSLSocket):
            return self.sock.recv(1)
        try:
            return self.sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return b""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was received; header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: Connection = field(repr=False)

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is done with a request: ``play`` writes to the connection, which is then kept alive."""

    play: Callable[[Connection], None]


Handler: TypeAlias = Callable[[Request], Answer]


def _no_answer(request: Request) -> Answer:
    text = f"no answer is scripted for {request.method} {request.path}".encode()
    reply = b"HTTP/1.1 500 Scripted\r\ncontent-length: %d\r\n\r\n%s" % (len(text), text)
    return Answer(lambda connection: connection.send(reply))


class Provider:
    """The server. ``connections`` are all that were accepted, in order; ``tls`` makes it https."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self._queue: deque[Answer] = deque()
        self._handler: Handler = _no_answer
        self._arrived = threading.Condition()
        self._tls = tls
        self._released, self._release = socket.socketpair()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Provider:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answers(self, *answers: Answer) -> None:
        """Queue answers, one for each coming request."""
        self._queue.extend(answers)

    def always(self, answer: Answer | Handler) -> None:
        """Give this answer, or ask this function, when the queue is empty."""
        self._handler = (lambda _: answer) if isinstance(answer, Answer) else answer

    def release(self) -> None:
        """End every pause: silent and stalled answers go on. For good: later ones do not wait."""
        with contextlib.suppress(OSError):
            self._release.shutdown(socket.SHUT_WR)

    def wait_request(self, count: int = 1, *, timeout: float = 10) -> Request:
        """The ``count``-th request, once it has been received."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.requests) >= count, timeout)
            assert arrived, f"{len(self.requests)} of {count} requests within {timeout} s"
            return self.requests[count - 1]

    def wait_closed(self, index: int = -1, *, timeout: float = 10) -> bool:
        """Whether the client closes the connection of the request at ``index`` in time."""
        return self.requests[index].connection.closed.wait(timeout)

    def close(self) -> None:
        """Close everything and wait for the threads."""
        self.release()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(10)
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for sock in (self._listener, self._released, self._release):
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, self._released)
            self.connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(Gone, OSError):
            if self._tls:
                connection.sock = self._tls.wrap_socket(connection.sock, server_side=True)
            while True:
                request = _receive_request(connection)
                with self._arrived:
                    self.requests.append(request)
                    answer = self._queue.popleft() if self._queue else None
                    self._arrived.notify_all()
                (answer or self._handler(request)).play(connection)
        connection.sock.close()


def _receive_request(connection: Connection) -> Request:
    lines = connection.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    pairs = (line.split(":", 1) for line in lines[1:])
    headers = {name.lower(): value.strip() for name, value in pairs}
    body = connection.read(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body, connection)
