"""The HTTP/1.1 client of the request path: pooled, cancellable, bounded in time and size."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Self

from hyperstrate.shared.addresses import Address, AddressRules, parse_url
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.upstream_connection import Connection
from hyperstrate.shared.upstream_events import EventSplitter
from hyperstrate.shared.upstream_failures import Phase, provider_error
from hyperstrate.shared.upstream_parser import Cut, Malformed
from hyperstrate.shared.upstream_pool import Pool
from hyperstrate.shared.upstream_request import request_head

ONE_SEND_BYTES = 64 * 1024
END_WAIT_S = 0.25
_Take = Callable[[Address, float, Cancellation], Connection]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``first_byte``: until the answer begins; ``idle``: between two reads."""

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 60.0
    total: float = 600.0


class Upstream:
    """Calls providers. One for a process."""

    def __init__(
        self,
        rules: AddressRules,
        *,
        max_connections_per_origin: int = 4096,
        max_response_bytes: int = 64 * 2**20,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._pool = Pool(rules, max_connections_per_origin, tls)
        self._max_response_bytes = max_response_bytes

    def open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        timeouts: Timeouts,
        cancellation: Cancellation,
    ) -> Response:
        """Send the request and wait for the head of the answer, whatever its status.

        A kept connection that turns out to be dead before the answer's first byte is replaced by a
        new one, once. Raises ProviderError.
        """
        try:
            address = parse_url(url)
            head = request_head(method, address, headers, len(body))
        except ValueError as error:
            text = f"The request cannot be sent: {error}."
            raise ProviderError(text, kind="bad_request") from None
        response = Response(self._pool, address, timeouts, cancellation, self._max_response_bytes)
        parts = (head + body,) if len(body) < ONE_SEND_BYTES else (head, body)
        response.begin(parts)
        return response

    def close(self) -> None:
        """Close the connections that are idle."""
        self._pool.close_idle()


class Response:
    """An answer that is under way; header names are lower-case.

    Who opened it reads it to the end or closes it. ``close`` may come at any moment, also from
    another greenlet or thread while one waits here: the wait then ends with ``cancelled``.
    """

    __slots__ = (
        "_address",
        "_blocks",
        "_cancellation",
        "_deadline",
        "_is_closed",
        "_is_ended",
        "_is_reading",
        "_max_bytes",
        "_owned",
        "_pool",
        "_timeouts",
        "headers",
        "status",
    )

    def __init__(
        self,
        pool: Pool,
        address: Address,
        timeouts: Timeouts,
        cancellation: Cancellation,
        max_bytes: int,
    ) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._pool = pool
        self._address = address
        self._timeouts = timeouts
        self._deadline = monotonic() + timeouts.total
        self._cancellation = cancellation
        self._max_bytes = max_bytes
        self._blocks: list[bytes] = []
        self._owned: list[Connection] = []
        self._is_reading = False
        self._is_closed = False
        self._is_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, parts: tuple[bytes, ...]) -> None:
        """Send the request and read the head of the answer. For Upstream."""
        try:
            if not self._exchange(self._pool.take, parts):
                self._exchange(self._pool.take_fresh, parts)
        except BaseException as error:
            raise self.failed(error) from None

    def read(self) -> bytes:
        """The whole body, or what is left of it. Raises ProviderError."""
        return b"".join(self.blocks())

    def blocks(self) -> Iterator[bytes]:
        """The body as it comes. Raises ProviderError."""
        while block := self.next_block():
            yield block

    def events(self) -> Events:
        """The body as server-sent events."""
        return Events(self)

    def close(self) -> None:
        """Let the connection go; it is kept only when the answer was read to its end."""
        self._is_closed = True
        if not self._is_reading:
            self._drop()
            return
        with contextlib.suppress(IndexError):
            self._owned[0].abort()  # the reader wakes up and drops it

    def let_end(self) -> None:
        """Nothing more is wanted: close, after a moment for the end of the body to come.

        With it the connection can be kept; providers send it apart from the last event.
        """
        until = monotonic() + END_WAIT_S
        self._is_reading = True
        try:
            connection = self._owned[0]
            while not connection.parser.is_complete and monotonic() < until:
                connection.read(until)
            self._finish()
        except (IndexError, OSError, Cut, Malformed):
            pass  # it ended already, or has its end no more
        finally:
            self._is_reading = False
            self.close()

    def _exchange(self, take: _Take, parts: tuple[bytes, ...]) -> bool:
        """Whether there is an answer: not, when a kept connection was dead already."""
        connection = take(self._address, self._soon(self._timeouts.connect), self._cancellation)
        self._owned.append(connection)
        connection.parser.begin(self._max_bytes)
        self._blocks = connection.parser.blocks
        self._cancellation.add(connection.abort)
        try:
            with contextlib.suppress(ConnectionError):  # perhaps it answered before it hung up
                for part in parts:
                    connection.send(part, self._soon(self._timeouts.idle))
            self._read_head(connection)
        except (ConnectionError, ssl.SSLError, Cut):
            if not connection.is_reused or connection.parser.is_begun or self._is_given_up:
                raise
            self._drop()
            return False
        return True

    def _read_head(self, connection: Connection) -> None:
        parser = connection.parser
        limit = self._soon(self._timeouts.first_byte)
        while not parser.has_head:
            connection.read(limit)
        self.status = parser.status
        self.headers = parser.headers
        if parser.is_complete:
            self._finish()

    def next_block(self) -> bytes:
        """What has come of the body, once something has; nothing at its end.

        Raises ProviderError.
        """
        self._is_reading = True
        try:
            while not self._blocks and not self._is_ended:
                self._read_on()
        except BaseException as error:
            raise self.failed(error) from None
        finally:
            self._is_reading = False
        block = b"".join(self._blocks)
        self._blocks.clear()
        return block

    def _read_on(self) -> None:
        if not self._owned or self._is_given_up:
            raise Cut
        connection = self._owned[0]
        connection.read(self._soon(self._timeouts.idle))
        if connection.parser.is_complete:
            self._finish()

    def _finish(self) -> None:
        self._is_ended = True
        connection = self._detach()
        if connection is None:
            return
        if connection.parser.keeps_alive and not self._is_given_up:
            self._pool.give(connection)
        else:
            self._pool.drop(connection)

    def _drop(self) -> None:
        if connection := self._detach():
            self._pool.drop(connection)

    def _detach(self) -> Connection | None:
        try:
            connection = self._owned.pop()  # atomic: reader and closer may both come here
        except IndexError:
            return None
        self._cancellation.remove(connection.abort)
        return connection

    @property
    def _is_given_up(self) -> bool:
        return self._is_closed or self._cancellation.is_cancelled

    def _soon(self, seconds: float) -> float:
        """The moment when ``seconds`` are over, or all the time is. Raises TimeoutError."""
        now = monotonic()
        if now >= self._deadline:
            raise TimeoutError
        return min(now + seconds, self._deadline)

    def failed(self, error: BaseException) -> BaseException:
        """Clean up, and say what happened in the words of ProviderError."""
        is_given_up, phase = self._is_given_up, self._phase()
        self._is_closed = True
        self._drop()
        if not isinstance(error, Exception):
            return error
        if is_given_up:
            return ProviderError("The call was given up.", kind="cancelled")
        return provider_error(error, self._address.host, phase)

    def _phase(self) -> Phase:
        if monotonic() >= self._deadline:
            return "late"
        if self.status:
            return "body"
        return "head" if self._owned else "connect"


class Events:
    """The events of a stream, each with the blank line that ends it, as it was on the wire.

    At the end of the body what is left counts as an event too. ``next`` raises ProviderError.
    """

    __slots__ = ("_response", "_splitter")

    def __init__(self, response: Response) -> None:
        self._response = response
        self._splitter = EventSplitter()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        ready = self._splitter.ready
        while not ready:
            block = self._response.next_block()
            if not block:
                self._splitter.feed_end()
                break
            try:
                self._splitter.feed(block)
            except Malformed as error:
                raise self._response.failed(error) from None
        if not ready:
            raise StopIteration
        return ready.popleft()

    @property
    def is_ready(self) -> bool:
        """The next event is here already: asking for it will not wait."""
        return bool(self._splitter.ready)

    def close(self) -> None:
        """May come at any moment, like that of the response."""
        self._response.close()
