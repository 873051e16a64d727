"""The connections of a process, by origin: kept, checked before use, limited in number."""

from __future__ import annotations

import ssl
import threading
from collections import deque
from time import monotonic

from hyperstrate.shared.addresses import Address, AddressRules, OriginKey
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.locks import brief_lock
from hyperstrate.shared.upstream_connection import Connection, connect

IDLE_SECONDS = 30.0


class Origin:
    """The connections to one scheme, host and port: the idle ones, and the number of all."""

    __slots__ = ("count", "freed", "idle", "waiting")

    def __init__(self, lock: threading.Lock) -> None:
        self.idle: deque[Connection] = deque()
        self.count = 0
        self.waiting = 0
        self.freed = threading.Condition(lock)

    def wake(self) -> None:
        with self.freed:
            self.freed.notify_all()


class Pool:
    """Of the idle connections the last one used is the first one taken."""

    def __init__(self, rules: AddressRules, limit: int, tls: ssl.SSLContext | None) -> None:
        self._rules = rules
        self._limit = limit
        self._tls = tls
        self._lock = brief_lock()
        self._origins: dict[OriginKey, Origin] = {}
        self._next_sweep = 0.0

    def take(self, address: Address, deadline: float, cancellation: Cancellation) -> Connection:
        """An idle connection that is alive, else a new one; waits while the origin has its limit.

        Raises ProviderError and OSError.
        """
        now = monotonic()
        if now > self._next_sweep:
            self._next_sweep = now + IDLE_SECONDS / 4
            self.close_idle(now - IDLE_SECONDS)
        while connection := self._reserve(address, deadline, cancellation):
            if connection.is_alive():
                connection.is_reused = True
                return connection
            self.drop(connection)
        return self._connect(address, deadline, cancellation)

    def take_fresh(
        self, address: Address, deadline: float, cancellation: Cancellation
    ) -> Connection:
        """A new connection in the place of one that has just been dropped."""
        with self._lock:
            self._origins[address.origin].count += 1
        return self._connect(address, deadline, cancellation)

    def give(self, connection: Connection) -> None:
        """Keep the connection for the next call."""
        connection.idle_since = monotonic()
        origin = self._origins[connection.origin]
        with self._lock:
            origin.idle.append(connection)
            if origin.waiting:
                origin.freed.notify()

    def drop(self, connection: Connection) -> None:
        """Close the connection and give its place to who waits."""
        connection.close()
        self._free(connection.origin)

    def close_idle(self, unused_since: float = float("inf")) -> None:
        """Close what was not used since that moment of the monotonic clock."""
        with self._lock:
            for origin in list(self._origins.values()):
                while origin.idle and origin.idle[0].idle_since < unused_since:
                    origin.idle.popleft().close()
                    origin.count -= 1

    def _reserve(
        self, address: Address, deadline: float, cancellation: Cancellation
    ) -> Connection | None:
        """An idle connection, or None with the right to open one."""
        origin = self._origins.get(address.origin)
        if origin is None:
            origin = self._origins.setdefault(address.origin, Origin(self._lock))
        with self._lock:
            if origin.idle:
                return origin.idle.pop()
            if origin.count < self._limit:
                origin.count += 1
                return None
        cancellation.add(origin.wake)
        try:
            return self._wait(origin, address.host, deadline, cancellation)
        finally:
            cancellation.remove(origin.wake)

    def _wait(
        self, origin: Origin, host: str, deadline: float, cancellation: Cancellation
    ) -> Connection | None:
        def may_go_on() -> bool:
            return bool(origin.idle) or origin.count < self._limit or cancellation.is_cancelled

        with self._lock:
            origin.waiting += 1
            try:
                is_free = origin.freed.wait_for(may_go_on, deadline - monotonic())
            finally:
                origin.waiting -= 1
            if cancellation.is_cancelled:
                origin.freed.notify()
                raise ProviderError("The call was given up.", kind="cancelled")
            if not is_free:
                raise ProviderError(f"Too many calls to {host} at once.", kind="timeout")
            if origin.idle:
                return origin.idle.pop()
            origin.count += 1
            return None

    def _connect(self, address: Address, deadline: float, cancellation: Cancellation) -> Connection:
        try:
            return connect(address, self._rules, deadline, cancellation, self._tls)
        except BaseException:
            self._free(address.origin)
            raise

    def _free(self, key: OriginKey) -> None:
        origin = self._origins[key]
        with self._lock:
            origin.count -= 1
            if origin.waiting:
                origin.freed.notify()
