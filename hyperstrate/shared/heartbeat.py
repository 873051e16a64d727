"""What a process that serves requests does all the time, twice a second."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)
EVERY_S = 0.5
_duties: list[Callable[[], None]] = []


def add(duty: Callable[[], None]) -> None:
    """Do ``duty`` at every beat. A duty that fails is logged, and has its turn again."""
    _duties.append(duty)


def beat() -> None:
    """Do every duty once."""
    for duty in _duties:
        try:
            duty()
        except Exception as error:
            log.warning("heartbeat_failed", duty=duty.__qualname__, error=repr(error))


def run(stop: threading.Event) -> None:
    """Beat until ``stop``."""
    while not stop.wait(EVERY_S):
        beat()
