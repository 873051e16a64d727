"""State that requests share: small values, counters, token buckets; here in memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from hyperstrate.shared.locks import brief_lock

V = TypeVar("V")
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a bucket said. ``retry_after_s``: until the cost would fit; ``remaining`` tokens."""

    is_allowed: bool
    remaining: float
    retry_after_s: float


class Store(Protocol):
    """Shared by all requests, and by all processes and hosts when Redis is set.

    When Redis fails: values miss, counters and buckets go on with this process's share.
    """

    def get(self, key: str) -> bytes | None: ...
    def set(self, key: str, value: bytes, *, ttl_s: float) -> None: ...
    def delete(self, key: str) -> None: ...
    def increment(self, key: str, *, ttl_s: float) -> int:
        """Add one and return the new number; an unused counter goes after ``ttl_s``."""

    def take(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> Taken:
        """Take ``cost`` from a token bucket that refills by ``rate`` a second up to ``burst``."""

    def blend(self, key: str, sample: float, *, alpha: float, ttl_s: float) -> None:
        """Fold ``sample`` into the exponential average at ``key``."""

    def averages(self, keys: list[str]) -> list[float | None]:
        """The averages at ``keys``; None where there is no sample."""

    def problem(self) -> str:
        """What is wrong with Redis now; empty if nothing is, or none is used."""

    def times_degraded(self) -> int:
        """How often this process had to do without Redis."""


ENTRY_OVERHEAD_BYTES = 200
NEVER_S = 3600.0


class Recent(Generic[V]):
    """The newest entries that fit, each until its time is over. Not locked."""

    def __init__(self, max_entries: int, max_bytes: int, clock: Clock) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, tuple[V, float, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= self._clock():
            self.pop(key)
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: str, value: V, *, ttl_s: float, size: int = 0) -> None:
        self.pop(key)
        size += len(key) + ENTRY_OVERHEAD_BYTES
        if size > self._max_bytes:
            return
        self._entries[key] = (value, self._clock() + ttl_s, size)
        self._bytes += size
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._bytes -= self._entries.popitem(last=False)[1][2]

    def pop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry[2]

    def __len__(self) -> int:
        return len(self._entries)


class MemoryStore:
    """The store of a single process. Values cannot push out counters, buckets and averages."""

    def __init__(
        self,
        *,
        max_entries: int = 100_000,
        max_bytes: int = 64 * 2**20,
        clock: Clock = time.monotonic,
    ) -> None:
        self._clock = clock
        self._lock = brief_lock()
        self._values: Recent[bytes] = Recent(max_entries, max_bytes, clock)
        self._counters: Recent[int] = Recent(max_entries, max_bytes, clock)
        self._buckets: Recent[tuple[float, float]] = Recent(max_entries, max_bytes, clock)
        self._averages: Recent[float] = Recent(max_entries, max_bytes, clock)

    def get(self, key: str) -> bytes | None:
        with self._lock:
            return self._values.get(key)

    def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        with self._lock:
            self._values.put(key, value, ttl_s=ttl_s, size=len(value))

    def delete(self, key: str) -> None:
        with self._lock:
            for kind in (self._values, self._counters, self._buckets, self._averages):
                kind.pop(key)

    def increment(self, key: str, *, ttl_s: float) -> int:
        with self._lock:
            count = (self._counters.get(key) or 0) + 1
            self._counters.put(key, count, ttl_s=ttl_s)
        return count

    def take(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> Taken:
        with self._lock:
            now = self._clock()
            tokens, at = self._buckets.get(key) or (burst, now)
            tokens = min(burst, tokens + (now - at) * rate)
            is_allowed = tokens >= cost
            tokens -= cost if is_allowed else 0.0
            self._buckets.put(key, (tokens, now), ttl_s=until_full_s(rate, burst))
        return taken(tokens, is_allowed=is_allowed, rate=rate, cost=cost)

    def blend(self, key: str, sample: float, *, alpha: float, ttl_s: float) -> None:
        with self._lock:
            old = self._averages.get(key)
            average = sample if old is None else old + alpha * (sample - old)
            self._averages.put(key, average, ttl_s=ttl_s)

    def averages(self, keys: list[str]) -> list[float | None]:
        with self._lock:
            return [self._averages.get(key) for key in keys]

    def problem(self) -> str:
        return ""

    def times_degraded(self) -> int:
        return 0


def until_full_s(rate: float, burst: float) -> float:
    """After this an untouched bucket is full, and may be forgotten."""
    return burst / rate + 1 if rate > 0 else NEVER_S * 24


def taken(tokens: float, *, is_allowed: bool, rate: float, cost: float) -> Taken:
    if is_allowed:
        return Taken(is_allowed=True, remaining=tokens, retry_after_s=0.0)
    wait_s = (cost - tokens) / rate if rate > 0 else NEVER_S
    return Taken(is_allowed=False, remaining=tokens, retry_after_s=wait_s)
