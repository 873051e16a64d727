"""Which store an installation has: by REDIS_URL, CACHE_BACKEND and RATE_LIMIT_BACKEND."""

from __future__ import annotations

from hyperstrate.shared.store import MemoryStore, Store, Taken


def connect(
    redis_url: str, prefix: str, *, processes: int, cache: str = "", limits: str = ""
) -> Store:
    """Redis when ``redis_url`` is set, else this process's memory.

    ``cache`` and ``limits`` may say ``memory`` although there is a Redis.
    """
    if not redis_url:
        return MemoryStore()
    from hyperstrate.shared.store_redis import RedisStore  # takes long, and few need it

    redis = RedisStore(redis_url, prefix, processes=processes)
    if "memory" not in (cache, limits):
        return redis
    own = MemoryStore()
    return SplitStore(
        own if cache == "memory" else redis, own if limits == "memory" else redis, redis
    )


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
