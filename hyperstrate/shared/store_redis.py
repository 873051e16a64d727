"""The store of all processes, in Redis or Valkey; when that fails, each process's own share."""

from __future__ import annotations

from typing import Any, cast

from hyperstrate.shared.redis_link import RedisLink, milliseconds
from hyperstrate.shared.store import MemoryStore, Taken, taken, until_full_s

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
    """The store of all processes: one round trip an operation, and never a long wait."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._redis = link.redis
        self._own = MemoryStore()
        self._take = link.line.script(_TAKE)
        self._blend = link.line.script(_BLEND)
        self._increment = link.line.script(_INCREMENT)

    def get(self, key: str) -> bytes | None:
        return cast(
            "bytes | None",
            self._link.do("get", lambda: self._redis.get(self._key(key)), lambda: None),
        )

    def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        self._link.do(
            "set",
            lambda: self._redis.set(self._key(key), value, px=milliseconds(ttl_s)),
            lambda: None,
        )

    def delete(self, key: str) -> None:
        self._own.delete(key)
        self._link.do("delete", lambda: self._redis.delete(self._key(key)), lambda: None)

    def increment(self, key: str, *, ttl_s: float) -> int:
        return cast(
            "int",
            self._link.do(
                "increment",
                lambda: self._increment([self._key(key)], [milliseconds(ttl_s)]),
                lambda: self._own.increment(key, ttl_s=ttl_s),
            ),
        )

    def take(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> Taken:
        return self._link.do(
            "take",
            lambda: self._take_there(key, rate, burst, cost),
            lambda: self._take_here(key, rate, burst, cost),
        )

    def blend(self, key: str, sample: float, *, alpha: float, ttl_s: float) -> None:
        self._link.do(
            "blend",
            lambda: self._blend([self._key(key)], [sample, alpha, milliseconds(ttl_s)]),
            lambda: self._own.blend(key, sample, alpha=alpha, ttl_s=ttl_s),
        )

    def problem(self) -> str:
        return "Redis does not answer in time" if self._link.is_degraded else ""

    def times_degraded(self) -> int:
        return self._link.degraded_total.total()

    def averages(self, keys: list[str]) -> list[float | None]:
        return self._link.do(
            "averages",
            lambda: self._averages_there(keys),
            lambda: self._own.averages(keys),
        )

    def _take_there(self, key: str, rate: float, burst: float, cost: float) -> Taken:
        keep = milliseconds(until_full_s(rate, burst))
        allowed, tokens = self._take([self._key(key)], [rate, burst, cost, keep])
        return taken(float(tokens), is_allowed=bool(allowed), rate=rate, cost=cost)

    def _take_here(self, key: str, rate: float, burst: float, cost: float) -> Taken:
        """This process's share; a share below one call still lets a call through at times."""
        share = max(burst / self._link.processes, min(burst, cost))
        return self._own.take(key, rate=rate / self._link.processes, burst=share, cost=cost)

    def _averages_there(self, keys: list[str]) -> list[float | None]:
        found: Any = self._redis.mget([self._key(key) for key in keys]) if keys else []
        return [None if average is None else float(average) for average in found]

    def _key(self, key: str) -> str:
        return self._link.prefix + key
