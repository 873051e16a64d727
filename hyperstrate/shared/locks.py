"""A lock for moments in which nothing waits."""

from __future__ import annotations

import threading
from typing import cast

from gevent import monkey


def brief_lock() -> threading.Lock:
    """The system's own lock, also where gevent has put its own in the place of that.

    It costs a tenth. Whoever holds it must not do anything that lets other greenlets run: they
    would stop the process for good.
    """
    return cast("threading.Lock", monkey.get_original("_thread", "allocate_lock")())
