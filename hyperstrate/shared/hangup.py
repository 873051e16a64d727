"""Notices that a client has closed its connection, even while nobody reads or writes there."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import gevent


def watch(client: Any, on_gone: Callable[[], None]) -> Callable[[], None]:
    """Run ``on_gone`` in a greenlet of its own when the peer of ``client`` hangs up.

    ``client`` is a gevent socket. Returns what ends the watch. One event of the loop, no greenlet,
    as long as nothing happens. Data that comes (a pipelined request) ends the watch.
    """
    watcher = gevent.get_hub().loop.io(client.fileno(), 1)

    def look() -> None:
        try:
            data = client._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        stop()
        if not data:
            gevent.spawn(on_gone)

    def stop() -> None:
        watcher.stop()
        watcher.close()

    watcher.start(look)
    return stop
