"""State that requests share: small values, counters, token buckets; in memory or in Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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
