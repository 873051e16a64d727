"""One connection to an origin: opened to a permitted address, aborted from anywhere."""

from __future__ import annotations

import contextlib
import socket
import ssl
from functools import lru_cache
from time import monotonic

from hyperstrate.shared.addresses import Address, AddressRules, Endpoint, OriginKey
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.upstream_ear import Ear
from hyperstrate.shared.upstream_parser import AnswerParser

READ_SIZE = 64 * 1024
SHORTEST_WAIT = 0.001  # a timeout of 0 would mean: do not wait


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """The system's certificate authorities; HTTP/1.1 only."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Connection:
    """One socket, and the parser of what comes over it."""

    __slots__ = ("_ear", "_sock", "idle_since", "is_reused", "origin", "parser")

    def __init__(self, sock: socket.socket, origin: OriginKey) -> None:
        self._sock = sock
        self._ear = Ear(sock) if hasattr(sock, "_sock") else None  # gevent's sockets have one
        self.origin = origin
        self.parser = AnswerParser()
        self.is_reused = False
        self.idle_since = 0.0

    def send(self, message: bytes, deadline: float) -> None:
        """One plain send where the buffer takes it: ``sendall`` costs more than the call."""
        self._sock.settimeout(max(deadline - monotonic(), SHORTEST_WAIT))
        sent = self._sock.send(message)
        if sent == len(message):
            return
        rest = memoryview(message)[sent:]
        while rest:
            self._sock.settimeout(max(deadline - monotonic(), SHORTEST_WAIT))
            rest = rest[self._sock.send(rest) :]

    def read(self, deadline: float) -> None:
        """Parse what has come, once something has. Raises OSError, Malformed, Cut."""
        if self._ear is not None:
            data = self._ear.receive(deadline)
        else:
            self._sock.settimeout(max(deadline - monotonic(), SHORTEST_WAIT))
            data = self._sock.recv(READ_SIZE)
        if data:
            self.parser.feed(data)
        else:
            self.parser.feed_end()

    def is_alive(self) -> bool:
        """Nothing may have come while it was idle: no end, and no answer to nothing."""
        if self._ear is not None:
            return self._ear.is_quiet
        self._sock.settimeout(0)
        try:
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def abort(self) -> None:
        """End every wait on the socket, at once, wherever it happens."""
        _shut_down(self._sock)

    def close(self) -> None:
        if self._ear is not None:
            self._ear.close()
        self._sock.close()


def connect(
    address: Address,
    rules: AddressRules,
    deadline: float,
    cancellation: Cancellation,
    tls: ssl.SSLContext | None = None,
) -> Connection:
    """Try the permitted addresses one after the other. Raises OSError and ProviderError."""
    left = max(deadline - monotonic(), SHORTEST_WAIT)
    endpoints = rules.resolve(address.host, address.port, timeout_s=left)
    context = (tls or tls_context()) if address.scheme == "https" else None
    while True:
        endpoint = endpoints.pop(0)
        share = (deadline - monotonic()) / (len(endpoints) + 1)
        try:
            sock = _open(endpoint, address.host, context, share, cancellation)
        except OSError:
            if not endpoints or cancellation.is_cancelled:
                raise
        else:
            return Connection(sock, address.origin)


def _open(
    endpoint: Endpoint,
    host: str,
    tls: ssl.SSLContext | None,
    timeout_s: float,
    cancellation: Cancellation,
) -> socket.socket:
    family, place = endpoint
    sock = socket.socket(family, socket.SOCK_STREAM)

    def abort() -> None:
        _shut_down(sock)

    cancellation.add(abort)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            sock = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        sock.settimeout(max(timeout_s, SHORTEST_WAIT))
        sock.connect(place)
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()
    except BaseException:
        sock.close()
        raise
    finally:
        cancellation.remove(abort)
    return sock


def _shut_down(sock: socket.socket) -> None:
    """The plain shutdown also of a TLS socket, whose own would take the session from its reader."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
