"""A typed signal: who emits an event knows nobody who listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

E = TypeVar("E")
log = structlog.get_logger(__name__)


class Signal(Generic[E]):
    """Listeners run at once, in the order in which they connected; a failing one is logged."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._listeners: list[Callable[[E], None]] = []

    def connect(self, listener: Callable[[E], None]) -> None:
        """Call ``listener`` for every event from now on; connecting twice counts once."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def disconnect(self, listener: Callable[[E], None]) -> None:
        self._listeners.remove(listener)

    def emit(self, event: E) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                log.exception("listener_failed", signal=self.name)
