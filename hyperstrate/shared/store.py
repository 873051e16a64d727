"""State that requests share: small values, counters, token buckets; in memory or in Redis."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar, cast

import structlog
from redis import BlockingConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

V = TypeVar("V")
log = structlog.get_logger(__name__)
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


def connect(redis_url: str, prefix: str, *, processes: int) -> Store:
    """Redis when ``redis_url`` is set, else this process's memory."""
    if not redis_url:
        return MemoryStore()
    return RedisStore(redis_url, prefix, processes=processes)


ENTRY_OVERHEAD_BYTES = 200
NEVER_S = 3600.0


class _Recent(Generic[V]):
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
        self._lock = Lock()
        self._values: _Recent[bytes] = _Recent(max_entries, max_bytes, clock)
        self._counters: _Recent[int] = _Recent(max_entries, max_bytes, clock)
        self._buckets: _Recent[tuple[float, float]] = _Recent(max_entries, max_bytes, clock)
        self._averages: _Recent[float] = _Recent(max_entries, max_bytes, clock)

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
            self._buckets.put(key, (tokens, now), ttl_s=_until_full_s(rate, burst))
        return _taken(tokens, is_allowed=is_allowed, rate=rate, cost=cost)

    def blend(self, key: str, sample: float, *, alpha: float, ttl_s: float) -> None:
        with self._lock:
            old = self._averages.get(key)
            average = sample if old is None else old + alpha * (sample - old)
            self._averages.put(key, average, ttl_s=ttl_s)

    def averages(self, keys: list[str]) -> list[float | None]:
        with self._lock:
            return [self._averages.get(key) for key in keys]


def _until_full_s(rate: float, burst: float) -> float:
    """After this an untouched bucket is full, and may be forgotten."""
    return burst / rate + 1 if rate > 0 else NEVER_S * 24


def _taken(tokens: float, *, is_allowed: bool, rate: float, cost: float) -> Taken:
    if is_allowed:
        return Taken(is_allowed=True, remaining=tokens, retry_after_s=0.0)
    wait_s = (cost - tokens) / rate if rate > 0 else NEVER_S
    return Taken(is_allowed=False, remaining=tokens, retry_after_s=wait_s)


OPERATION_TIMEOUT_S = 0.05
# Few, so that greenlets wait for their turn here and not inside the time that Redis is given.
MAX_CONNECTIONS = 32
TURN_TIMEOUT_S = 0.5

# Redis keeps the time, so that hosts whose clocks differ share one bucket.
_TAKE = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
local allowed = 0
if tokens >= cost then
  tokens, allowed = tokens - cost, 1
end
tokens = string.format('%.9f', tokens)
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {allowed, tokens}
"""
_BLEND = """
local old, sample = tonumber(redis.call('GET', KEYS[1])), tonumber(ARGV[1])
local average = sample
if old then
  average = old + tonumber(ARGV[2]) * (sample - old)
end
redis.call('SET', KEYS[1], string.format('%.9f', average), 'PX', ARGV[3])
"""
_INCREMENT = """
local count = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return count
"""


class RedisStore:
    """The store of all processes: one round trip an operation, and never a long wait.

    A Redis that failed ``FAILURES`` times within ``WINDOW_S`` seconds is left alone for ``skip_s``.
    ``degraded_total`` counts by operation what had to do without; ``is_degraded``: the last one.
    """

    FAILURES = 5
    WINDOW_S = 10.0

    def __init__(self, redis_url: str, prefix: str, *, processes: int, skip_s: float = 5.0) -> None:
        pool = BlockingConnectionPool.from_url(
            redis_url,
            max_connections=MAX_CONNECTIONS,
            timeout=TURN_TIMEOUT_S,
            socket_timeout=OPERATION_TIMEOUT_S,
            socket_connect_timeout=OPERATION_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self._redis = Redis(connection_pool=pool)
        self._prefix = prefix + ":"
        self._processes = max(1, processes)
        self._skip_s = skip_s
        self._own = MemoryStore()
        self._take = self._redis.register_script(_TAKE)
        self._blend = self._redis.register_script(_BLEND)
        self._increment = self._redis.register_script(_INCREMENT)
        self._failed_at: list[float] = []
        self._skip_until = 0.0
        self.is_degraded = False
        self.degraded_total: Counter[str] = Counter()

    def get(self, key: str) -> bytes | None:
        return cast(
            "bytes | None",
            self._do("get", lambda: self._redis.get(self._prefix + key), lambda: None),
        )

    def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        self._do(
            "set",
            lambda: self._redis.set(self._prefix + key, value, px=_milliseconds(ttl_s)),
            lambda: None,
        )

    def delete(self, key: str) -> None:
        self._own.delete(key)
        self._do("delete", lambda: self._redis.delete(self._prefix + key), lambda: None)

    def increment(self, key: str, *, ttl_s: float) -> int:
        return cast(
            "int",
            self._do(
                "increment",
                lambda: self._increment([self._prefix + key], [_milliseconds(ttl_s)]),
                lambda: self._own.increment(key, ttl_s=ttl_s),
            ),
        )

    def take(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> Taken:
        return cast(
            "Taken",
            self._do(
                "take",
                lambda: self._take_there(key, rate, burst, cost),
                lambda: self._take_here(key, rate, burst, cost),
            ),
        )

    def blend(self, key: str, sample: float, *, alpha: float, ttl_s: float) -> None:
        self._do(
            "blend",
            lambda: self._blend([self._prefix + key], [sample, alpha, _milliseconds(ttl_s)]),
            lambda: self._own.blend(key, sample, alpha=alpha, ttl_s=ttl_s),
        )

    def averages(self, keys: list[str]) -> list[float | None]:
        return cast(
            "list[float | None]",
            self._do(
                "averages",
                lambda: self._averages_there(keys),
                lambda: self._own.averages(keys),
            ),
        )

    def _take_there(self, key: str, rate: float, burst: float, cost: float) -> Taken:
        keep = _milliseconds(_until_full_s(rate, burst))
        allowed, tokens = self._take([self._prefix + key], [rate, burst, cost, keep])
        return _taken(float(tokens), is_allowed=bool(allowed), rate=rate, cost=cost)

    def _take_here(self, key: str, rate: float, burst: float, cost: float) -> Taken:
        """This process's share; a share below one call still lets a call through at times."""
        share = max(burst / self._processes, min(burst, cost))
        return self._own.take(key, rate=rate / self._processes, burst=share, cost=cost)

    def _averages_there(self, keys: list[str]) -> list[float | None]:
        found: Any = self._redis.mget([self._prefix + key for key in keys]) if keys else []
        return [None if average is None else float(average) for average in found]

    def _do(self, operation: str, there: Callable[[], Any], here: Callable[[], Any]) -> Any:
        """What Redis says; what is known ``here`` when it does not answer."""
        began = time.monotonic()
        if began < self._skip_until:
            self.degraded_total[operation] += 1
            return here()
        try:
            answer = there()
        except RedisError as error:
            self.degraded_total[operation] += 1
            self._note_failure(error, began)
            return here()
        if self.is_degraded:
            self._note_recovery()
        return answer

    def _note_failure(self, error: RedisError, began: float) -> None:
        """A wait much longer than the timeout says that this process was busy, not Redis."""
        now = time.monotonic()
        if now - began > 2 * OPERATION_TIMEOUT_S:
            return
        self.is_degraded = True
        recent = [at for at in self._failed_at if at > now - self.WINDOW_S]
        self._failed_at = [*recent, now][-self.FAILURES :]
        if len(self._failed_at) < self.FAILURES:
            return
        if not self._skip_until:
            log.warning("store_degraded", error=str(error))
        self._skip_until = now + self._skip_s

    def _note_recovery(self) -> None:
        self.is_degraded = False
        if self._skip_until:
            self._skip_until = 0.0
            self._failed_at = []
            log.info("store_recovered")


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
