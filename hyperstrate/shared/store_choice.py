"""Which store an installation has: by REDIS_URL, CACHE_BACKEND and RATE_LIMIT_BACKEND."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperstrate.shared.limit_store import LimitStore, MemoryLimits
from hyperstrate.shared.store import MemoryStore, Store, Taken

if TYPE_CHECKING:
    from hyperstrate.shared.redis_link import RedisLink


def link_to(redis_url: str, prefix: str, *, processes: int) -> RedisLink | None:
    """The way to the installation's Redis, if it has one."""
    if not redis_url:
        return None
    from hyperstrate.shared.redis_link import RedisLink  # takes long, and few need it

    return RedisLink(redis_url, prefix, processes=processes)


def connect(link: RedisLink | None, *, cache: str = "", limits: str = "") -> Store:
    """Redis when there is one, else this process's memory.

    ``cache`` and ``limits`` may say ``memory`` although there is a Redis.
    """
    if link is None:
        return MemoryStore()
    from hyperstrate.shared.store_redis import RedisStore

    redis = RedisStore(link)
    if "memory" not in (cache, limits):
        return redis
    own = MemoryStore()
    return SplitStore(
        own if cache == "memory" else redis, own if limits == "memory" else redis, redis
    )


def limits_on(link: RedisLink | None, *, limits: str = "") -> LimitStore:
    """Where limits are counted: Redis when there is one and ``limits`` does not say ``memory``."""
    if link is None or limits == "memory":
        return MemoryLimits()
    from hyperstrate.shared.limit_store_redis import RedisLimits

    return RedisLimits(link)


class SplitStore:
    """Values in one store, counters and buckets in another."""

    def __init__(self, values: Store, counters: Store, redis: Store) -> None:
        self.get = values.get
        self.set = values.set
        self.delete = values.delete
        self.increment = counters.increment
        self.blend = counters.blend
        self.averages = counters.averages
        self._counters = counters
        self._redis = redis

    def take(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> Taken:
        return self._counters.take(key, rate=rate, burst=burst, cost=cost)

    def problem(self) -> str:
        return self._redis.problem()

    def times_degraded(self) -> int:
        return self._redis.times_degraded()
