"""The load: closed-loop callers for JSON answers, and many slow streams at once."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

STAMP = re.compile(rb'"content":"(\d+) ')
LONGEST_WAIT_S = 60.0
FLOWING_S = 0.3  # after the last beginning, before the first end


@dataclass(frozen=True)
class Door:
    """Where a gateway answers, and what it wants to see."""

    url: str
    headers: dict[str, str]
    body: bytes

    def request(self) -> bytes:
        parts = urlsplit(self.url)
        lines = [
            f"POST {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Content-Type: application/json",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body

    async def connect(self, client: asyncio.Protocol) -> asyncio.Transport:
        parts = urlsplit(self.url)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: client, parts.hostname, parts.port)
        return transport


@dataclass
class Outcome:
    """Seconds of JSON calls; milliseconds from the mock's sending to here for every chunk.

    ``in_flow``: seconds of CPU and number of chunks, while all streams were under way.
    """

    took: list[float] = field(default_factory=list)
    first_chunk_ms: list[float] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)
    in_flow: list[tuple[float, int]] = field(default_factory=list)
    errors: int = 0
    elapsed: float = 0.0


class Caller(asyncio.Protocol):
    """One connection that calls again as soon as it was answered, until ``until``."""

    def __init__(self, door: Door, until: float, outcome: Outcome) -> None:
        self.request = door.request()
        self.until = until
        self.outcome = outcome
        self.received = b""
        self.is_over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.call()

    def call(self) -> None:
        self.started = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not is_whole(self.received):
            return
        now = time.perf_counter()
        self.outcome.took.append(now - self.started)
        self.outcome.errors += self.received[9:12] != b"200"
        self.received = b""
        if now < self.until:
            self.call()
        else:
            self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if time.perf_counter() < self.until:
            self.outcome.errors += 1
        if not self.is_over.done():
            self.is_over.set_result(None)


def is_whole(answer: bytes) -> bool:
    """An HTTP answer, by content-length or in chunks, is here to its end."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = answer[:end].lower()
    at = head.find(b"content-length:")
    if at < 0:
        return answer.endswith(b"0\r\n\r\n")
    return len(answer) >= end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])


async def calls(door: Door, *, callers: int, seconds: float) -> Outcome:
    """``callers`` connections, each with one call after the other for ``seconds``, at least one."""
    outcome = Outcome()
    started = time.perf_counter()
    clients = [Caller(door, started + seconds, outcome) for _ in range(callers)]
    for client in clients:
        await door.connect(client)
    async with asyncio.timeout(seconds + LONGEST_WAIT_S):
        await asyncio.gather(*(client.is_over for client in clients))
    outcome.elapsed = time.perf_counter() - started
    return outcome


class Listener(asyncio.Protocol):
    """One stream, from the request to [DONE]."""

    def __init__(self, door: Door, outcome: Outcome) -> None:
        self.request = door.request()
        self.outcome = outcome
        self.rest = b""
        self.has_begun = False
        self.has_ended = False
        self.is_over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.started = time.monotonic_ns()
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        lines, _, self.rest = (self.rest + data).rpartition(b"\n")
        if not self.has_begun and b"data:" in lines:
            self.has_begun = True
            self.outcome.first_chunk_ms.append((now - self.started) / 1e6)
        self.outcome.delays_ms.extend((now - int(stamp)) / 1e6 for stamp in STAMP.findall(lines))
        if b"[DONE]" in lines:
            self.has_ended = True
            self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self.outcome.errors += not self.has_ended
        if not self.is_over.done():
            self.is_over.set_result(None)


async def streams(
    door: Door, *, count: int, over_seconds: float, last_seconds: float, spent: Callable[[], float]
) -> Outcome:
    """``count`` streams, begun one after the other within ``over_seconds``, then all at once.

    ``spent``: what the gateway's processes have used until now. Asked while all streams flow.
    """
    outcome = Outcome()
    started = time.perf_counter()

    async def listen(delay: float) -> None:
        await asyncio.sleep(delay)
        listener = Listener(door, outcome)
        try:
            await door.connect(listener)
        except OSError:
            outcome.errors += 1
            return
        await listener.is_over

    async def look(delay: float) -> None:
        await asyncio.sleep(delay)
        outcome.in_flow.append((spent(), len(outcome.delays_ms)))

    looks = (look(over_seconds + FLOWING_S), look(last_seconds - FLOWING_S))
    async with asyncio.timeout(over_seconds + last_seconds + LONGEST_WAIT_S):
        await asyncio.gather(*looks, *(listen(over_seconds * i / count) for i in range(count)))
    outcome.elapsed = time.perf_counter() - started
    return outcome


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the values lie; 0.0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
