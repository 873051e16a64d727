"""A client that sends exactly the bytes it is given, and a server in a loop of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import gevent
from gevent.server import StreamServer

from hyperstrate.server.connection import Application, Connection, Service


@dataclass
class Answer:
    """``is_whole`` False: the connection ended before the answer did."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_whole: bool = True


class Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file: BinaryIO = self.socket.makefile("rb")

    def send(self, *pieces: bytes) -> Client:
        for piece in pieces:
            self.socket.sendall(piece)
        return self

    def answer(self, *, to_head: bool = False) -> Answer:
        """The next answer; 1xx are left out."""
        status, headers = self._head()
        while 100 <= status < 200:
            status, headers = self._head()
        if to_head or status in (204, 304):
            return Answer(status, headers, b"")
        if "content-length" in headers:
            length = int(headers["content-length"])
            body = self._file.read(length)
            return Answer(status, headers, body, is_whole=len(body) == length)
        if headers.get("transfer-encoding") == "chunked":
            blocks = list(self.blocks())
            return Answer(status, headers, b"".join(blocks), is_whole=blocks[-1:] == [b""])
        return Answer(status, headers, self._file.read())

    def _head(self) -> tuple[int, dict[str, str]]:
        line = self._file.readline()
        assert line.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), line
        headers: dict[str, str] = {}
        while (header := self._file.readline().strip()) != b"":
            name, _, value = header.decode("latin-1").partition(": ")
            headers[name.lower()] = value
        return int(line[9:12]), headers

    def blocks(self) -> Iterator[bytes]:
        """The chunks of a chunked body; the last one is empty, if it comes."""
        while line := self._file.readline():
            block = self._file.read(int(line, 16))
            self._file.readline()
            yield block
            if not block:
                return

    def is_closed(self) -> bool:
        """The server hangs up, without another byte."""
        return self._file.read(1) == b""

    def line(self) -> bytes:
        return self._file.readline()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Server:
    """Connections of ours over ``service``, in a thread and a loop of their own."""

    service: Service
    port: int = 0
    _loop: Any = None
    _stop: Any = None
    _is_up: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        hub = gevent.get_hub()
        self._loop, self._stop = hub.loop, gevent.event.Event()
        server = StreamServer(("127.0.0.1", 0), self._handle)
        server.start()
        self.port = int(server.server_port or 0)
        self._is_up.set()
        self._stop.wait()
        server.stop(timeout=1)
        hub.destroy(destroy_loop=True)

    def _handle(self, client: Any, address: Any) -> None:
        environ = {**self.service.environ, "REMOTE_ADDR": address[0]}
        Connection(client, environ, self.service).serve()

    def wait(self) -> None:
        assert self._is_up.wait(10)

    def do(self, action: Callable[[], None]) -> None:
        """Run ``action`` in the server's loop, and wait for it."""
        done = threading.Event()

        def run() -> None:
            action()
            done.set()

        self._loop.run_callback_threadsafe(run)
        assert done.wait(10)

    def end(self) -> None:
        self._loop.run_callback_threadsafe(self._stop.set)


@contextmanager
def serving(application: Application, **options: Any) -> Iterator[Server]:
    """A server of ``application``; ``options`` are those of Service."""
    environ = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "SCRIPT_NAME": ""}
    given: dict[str, Any] = {"max_body_bytes": 1000, "report": lambda _request, _error: None}
    server = Server(Service(application, environ, **{**given, **options}))
    thread = threading.Thread(target=server.run)
    thread.start()
    server.wait()
    try:
        yield server
    finally:
        server.end()
        thread.join(10)
        assert not thread.is_alive()
