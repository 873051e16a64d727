"""Hears what comes over a connection under gevent: one watch for its life, not one a wait."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any

from gevent import get_hub
from greenlet import getcurrent

READ_SIZE = 64 * 1024
ENOUGH_BYTES = 256 * 1024


class Ear:
    """Reads a gevent socket in the loop. gevent's own ``recv`` costs a failed system call, a timer
    and two changes of the poll set for every wait; here all that happens once a connection.

    What came and was not taken yet is held, up to ``ENOUGH_BYTES``; then the sender must wait.
    """

    __slots__ = (
        "_blocks",
        "_deadline",
        "_error",
        "_is_tls",
        "_loop",
        "_recv",
        "_size",
        "_timer",
        "_timer_due",
        "_waiting",
        "_watcher",
        "has_ended",
    )

    def __init__(self, sock: Any) -> None:
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        self._recv: Callable[[int], bytes] = sock._sslobj.read if self._is_tls else sock._sock.recv
        self._loop = get_hub().loop
        self._watcher = self._loop.io(sock.fileno(), 1)
        self._timer: Any = None
        self._timer_due = inf
        self._deadline = inf
        self._waiting: Any = None
        self._blocks: list[bytes] = []
        self._size = 0
        self._error: OSError | None = None
        self.has_ended = False
        self._watcher.start(self._read)

    @property
    def is_quiet(self) -> bool:
        """Nothing has come that nobody took, and the other side has not hung up."""
        return not self._blocks and not self.has_ended

    def receive(self, deadline: float) -> bytes:
        """What has come, once something has; nothing at the end. Raises OSError."""
        if not self._blocks and not self.has_ended:
            self._wait(deadline)
        if not self._blocks:
            if self._error is not None:
                raise self._error
            if not self.has_ended:
                raise TimeoutError
        if self._size >= ENOUGH_BYTES and not self.has_ended:
            self._watcher.start(self._read)
            self._loop.run_callback(self._read)
        blocks, self._blocks, self._size = self._blocks, [], 0
        return b"".join(blocks)

    def _wait(self, deadline: float) -> None:
        self._deadline = deadline
        if deadline < self._timer_due:
            self._set_timer(deadline)
        self._waiting = getcurrent()
        try:
            get_hub().switch()
        finally:
            self._waiting = None
            self._deadline = inf

    def _set_timer(self, due: float) -> None:
        """Once for many waits: it looks at the deadline of the present one when it is due."""
        self._stop_timer()
        self._timer_due = due
        self._timer = self._loop.timer(max(due - monotonic(), 0.0))
        self._timer.start(self._look_at_clock)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
        self._timer, self._timer_due = None, inf

    def _look_at_clock(self) -> None:
        """For the loop only."""
        self._stop_timer()
        if self._deadline <= monotonic():
            self._wake()
        elif self._deadline < inf:
            self._set_timer(self._deadline)

    def _read(self) -> None:
        """For the loop only: something has come. TLS may hold more than the socket shows."""
        if self.has_ended:
            return
        while self._read_block() and self._is_tls and self._size < ENOUGH_BYTES:
            pass
        if self.has_ended or self._size >= ENOUGH_BYTES:
            self._watcher.stop()
        if not self.is_quiet:
            self._wake()

    def _read_block(self) -> bool:
        try:
            data = self._recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except ssl.SSLEOFError:  # many servers hang up without a word
            data = b""
        except OSError as error:
            data, self._error = b"", error
        if data:
            self._blocks.append(data)
            self._size += len(data)
        self.has_ended = not data
        return bool(data)

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.switch()

    def close(self) -> None:
        """Before the socket is closed. Who waits learns that it has ended."""
        self.has_ended = True
        self._watcher.stop()
        self._watcher.close()
        self._stop_timer()
        if self._waiting is not None:
            self._loop.run_callback(self._wake)
