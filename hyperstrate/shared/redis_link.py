"""The way to Redis or Valkey: waits are short, and one that fails is left alone for a while."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from redis import BlockingConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from hyperstrate.shared.redis_line import AGAIN_S, Command, RedisLine, Unanswered

V = TypeVar("V")
log = structlog.get_logger(__name__)
OPERATION_TIMEOUT_S = 0.05
# Few, so that greenlets wait for their turn here and not inside the time that Redis is given.
MAX_CONNECTIONS = 32
TURN_TIMEOUT_S = 0.5


class RedisLink:
    """Every key begins with ``prefix``. ``processes`` share what each falls back to.

    ``line`` is for what requests wait for, and keeps the order; ``redis`` for all else.
    A Redis that failed ``FAILURES`` times within ``WINDOW_S`` seconds is left alone for ``skip_s``;
    an exchange that failed is one time, however many waited for it.
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
        self.redis = Redis(connection_pool=pool)
        self.line = RedisLine(pool.make_connection)
        self.prefix = prefix + ":"
        self.processes = max(1, processes)
        self._skip_s = skip_s
        self._failed_at: set[float] = set()
        self._skip_until = 0.0
        self.is_degraded = False
        self.degraded_total: Counter[str] = Counter()

    def do(self, operation: str, there: Callable[[], V], here: Callable[[], V]) -> V:
        """What Redis says; what is known ``here`` when it does not answer."""
        began = time.monotonic()
        if began < self._skip_until:
            self.degraded_total[operation] += 1
            return here()
        try:
            answer = there()
        except RedisError as error:
            self.degraded_total[operation] += 1
            self._note_failure(error, error.began if isinstance(error, Unanswered) else began)
            return here()
        if self.is_degraded:
            self._note_recovery()
        return answer

    def tell(self, command: Command, heard: Callable[[Any], None] | None = None) -> None:
        """In some milliseconds; ``heard`` gets the answer, None when Redis is left alone."""
        if time.monotonic() >= self._skip_until:
            self.line.tell(command, heard)
        elif heard is not None:
            heard(None)

    def _note_failure(self, error: RedisError, began: float) -> None:
        """A wait much longer than the timeouts says that this process was busy, not Redis."""
        now = time.monotonic()
        if now - began > 2 * (OPERATION_TIMEOUT_S + AGAIN_S):
            return
        self.is_degraded = True
        recent = {at for at in self._failed_at if at > now - self.WINDOW_S}
        self._failed_at = recent | {began}
        if len(self._failed_at) < self.FAILURES:
            return
        if not self._skip_until:
            log.warning("store_degraded", error=str(error))
        self._skip_until = now + self._skip_s

    def _note_recovery(self) -> None:
        self.is_degraded = False
        if self._skip_until:
            self._skip_until = 0.0
            self._failed_at = set()
            log.info("store_recovered")


def milliseconds(seconds: float) -> int:
    """For Redis, which forgets a key at once that is kept for zero."""
    return max(1, round(seconds * 1000))
