"""What a process remembers of the database, and how every process learns of a change.

Each write bumps its topic's version in the same transaction; every process looks at the versions
twice a second and forgets what is older. So an edit is seen everywhere within a second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Generic, TypeVar, cast

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from hyperstrate.shared.db import Base, after_commit, before_commit, insert, session
from hyperstrate.shared.locks import brief_lock

log = structlog.get_logger(__name__)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_MISSING = object()


class CacheVersion(Base):
    """How often a topic was changed."""

    __tablename__ = "cache_versions"
    topic: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)


class _Flight:
    """A load under way. ``value`` or ``error`` is there once it ``is_over``; neither: it was
    killed."""

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self.value: Any = _MISSING
        self.error: Exception | None = None


class VersionedCache(Generic[K, V]):
    """Values that depend on ``topics``, kept until one changes; the oldest go when it is full.

    What loads a value runs in a database context of its own and sees what is committed. Reading
    takes no lock: under gevent one costs more than the rest of a hit. Who misses a value that is
    being loaded waits for that, and shares its error; who comes after a change does not.
    """

    def __init__(self, *topics: str, size: int = 20_000) -> None:
        self._values: dict[K, V] = {}
        self._flights: dict[K, _Flight] = {}
        self._size = size
        self._lock = brief_lock()
        for topic in topics:
            _caches.setdefault(topic, []).append(self)

    def get(self, key: K, load: Callable[[K], V]) -> V:
        """The value of ``key``, from ``load`` when it is not here. Errors are not kept."""
        known = self._values.get(key, _MISSING)
        if known is not _MISSING:
            return cast(V, known)
        while True:
            own = _Flight()
            with self._lock:
                flight = self._flights.setdefault(key, own)
            if flight is own:
                return self._fly(flight, key, load)
            flight.is_over.wait()
            if flight.error is not None:
                raise flight.error.with_traceback(None)
            if flight.value is not _MISSING:
                return cast(V, flight.value)

    def __contains__(self, key: K) -> bool:
        """Its value is here already."""
        return key in self._values

    def _fly(self, flight: _Flight, key: K, load: Callable[[K], V]) -> V:
        """Load the value for all who wait, unless it has come since we looked."""
        try:
            value = self._values.get(key, _MISSING)
            if value is _MISSING:
                with _context():
                    value = load(key)
            flight.value = value
            return cast(V, value)
        except Exception as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
                    if flight.value is not _MISSING:
                        self._keep(key, flight.value)
            flight.is_over.set()

    def _keep(self, key: K, value: V) -> None:
        if len(self._values) >= self._size:
            del self._values[next(iter(self._values))]
        self._values[key] = value

    def drop(self, key: K) -> None:
        """Forget one value, here only; a load of it that is under way is not kept."""
        with self._lock:
            self._flights.pop(key, None)
            self._values.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._flights.clear()
            self._values.clear()


_caches: dict[str, list[VersionedCache[Any, Any]]] = {}
_seen: dict[str, int] = {}
_context: Callable[[], AbstractContextManager[object]] = nullcontext


def load_in(context: Callable[[], AbstractContextManager[object]]) -> None:
    """Load values in ``context()``: an application context, since the request path has none."""
    global _context
    _context = context


def watch(stop: threading.Event, *, every_s: float = 0.5) -> None:
    """Look at the versions until ``stop``; a database that is away is logged and asked again."""
    while not stop.wait(every_s):
        try:
            with _context():
                look()
        except SQLAlchemyError as error:
            log.warning("cache_versions_unreadable", error=str(error))


def bump(topic: str) -> None:
    """Say in the present unit of work that ``topic`` changed; forget it here at its commit."""
    before_commit(f"bump {topic}", partial(_write_bump, topic))
    after_commit(lambda: forget(topic))


def _write_bump(topic: str) -> None:
    first = insert(CacheVersion).values(topic=topic, version=1)
    later = {"version": CacheVersion.version + 1}
    session.execute(first.on_conflict_do_update(index_elements=["topic"], set_=later))


def forget(topic: str) -> None:
    """Empty this process's caches of ``topic``."""
    for cache in _caches.get(topic, []):
        cache.clear()


def look() -> None:
    """Forget the topics that changed since the last look. One small query; needs an app context."""
    rows = session.execute(select(CacheVersion.topic, CacheVersion.version))
    found = {row.topic: row.version for row in rows}
    for topic in found.keys() | _seen.keys():
        if _seen.get(topic) != found.get(topic):
            forget(topic)
    _seen.clear()
    _seen.update(found)
    session.rollback()
