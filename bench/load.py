"""The load: closed-loop callers for JSON answers, and many slow streams at once."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

STAMP = re.compile(rb'"content":"(\d+) ')


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

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port, limit=2**20)


@dataclass
class Outcome:
    """Seconds for JSON calls; milliseconds of delay for each chunk of the streams."""

    took: list[float] = field(default_factory=list)
    first_chunk_ms: list[float] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)
    errors: int = 0
    elapsed: float = 0.0


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head[9:12]), head.lower()


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    at = head.find(b"content-length:")
    if at >= 0:
        return await reader.readexactly(int(head[at + 15 :].split(b"\r\n", 1)[0]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


async def _caller(door: Door, until: float, outcome: Outcome) -> None:
    reader, writer = await door.connect()
    request = door.request()
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(request)
        try:
            status, head = await _read_head(reader)
            await _read_body(reader, head)
        except (asyncio.IncompleteReadError, ConnectionError):
            outcome.errors += 1
            reader, writer = await door.connect()
            continue
        outcome.took.append(time.perf_counter() - started)
        outcome.errors += status != 200
    writer.close()


async def calls(door: Door, *, callers: int, seconds: float) -> Outcome:
    """``callers`` connections, each calling again as soon as it was answered."""
    outcome = Outcome()
    started = time.perf_counter()
    until = started + seconds
    await asyncio.gather(*(_caller(door, until, outcome) for _ in range(callers)))
    outcome.elapsed = time.perf_counter() - started
    return outcome


async def _stream(door: Door, delay: float, outcome: Outcome) -> None:
    await asyncio.sleep(delay)
    try:
        reader, writer = await door.connect()
        started = time.monotonic_ns()
        writer.write(door.request())
        status, _head = await _read_head(reader)
        outcome.errors += status != 200
        is_first = True
        async for line in reader:
            now = time.monotonic_ns()
            if is_first and line.startswith(b"data:"):
                outcome.first_chunk_ms.append((now - started) / 1e6)
                is_first = False
            stamp = STAMP.search(line)
            if stamp:
                outcome.delays_ms.append((now - int(stamp[1])) / 1e6)
            if line.startswith(b"data: [DONE]"):
                break
        else:
            outcome.errors += 1
        writer.close()
    except (OSError, asyncio.IncompleteReadError):
        outcome.errors += 1


async def streams(door: Door, *, count: int, over_seconds: float) -> Outcome:
    """``count`` streams, begun one after the other within ``over_seconds``."""
    outcome = Outcome()
    started = time.perf_counter()
    await asyncio.gather(*(_stream(door, over_seconds * i / count, outcome) for i in range(count)))
    outcome.elapsed = time.perf_counter() - started
    return outcome


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the values lie; 0.0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
