"""The store of all processes, in Redis or Valkey; when that fails, each process's own share."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar, cast

import structlog
from redis import BlockingConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from hyperstrate.shared.store import MemoryStore, Taken, taken, until_full_s

V = TypeVar("V")
log = structlog.get_logger(__name__)
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

    def problem(self) -> str:
        return "Redis does not answer in time" if self.is_degraded else ""

    def times_degraded(self) -> int:
        return self.degraded_total.total()

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
        keep = _milliseconds(until_full_s(rate, burst))
        allowed, tokens = self._take([self._prefix + key], [rate, burst, cost, keep])
        return taken(float(tokens), is_allowed=bool(allowed), rate=rate, cost=cost)

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
