"""The process of the recorder: forked from gunicorn's own, and started again when it dies."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

NICENESS = 5  # where all share one core, answers come first
_worker_answers, _say_so = os.pipe()


def let_begin() -> None:
    """Called in a worker that answers: until then the recorder would only be in its way."""
    os.write(_say_so, b"1")


def keep_running(server: Any) -> None:
    """Keep a recorder beside the workers of ``server``, gunicorn's arbiter; returns at once.

    It ends by itself when this process is gone.
    """
    threading.Thread(target=_keep_running, args=(server,), daemon=True).start()


def _keep_running(server: Any) -> None:
    os.read(_worker_answers, 1)
    while True:
        pid = os.fork()
        if not pid:
            _be_the_recorder(server)
        with contextlib.suppress(ChildProcessError):  # gunicorn may hear of it first
            os.waitpid(pid, 0)
        time.sleep(1)


def _be_the_recorder(server: Any) -> NoReturn:
    """In the new process: leave behind what is gunicorn's, and record."""
    status = 1
    try:
        os.nice(NICENESS)
        for number in (*server.SIGNALS, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for listener in server.LISTENERS:
            listener.close()
        with contextlib.suppress(OSError):  # what ps and top show, on Linux
            Path("/proc/self/comm").write_text("recorder")
        _record(server.pid)
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def _record(parent: int) -> None:
    from hyperstrate import app, cli  # the process that starts the others has them by now

    recorder = app.create_recorder()
    with recorder.app_context():
        cli.record_beside(parent)
