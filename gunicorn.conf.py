"""How gunicorn runs Hyperstrate: our gevent workers, and one recorder beside them on every host.

``gunicorn -k gevent wsgi:app`` runs it on gunicorn's own worker: slower, with an access log.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any

from hyperstrate.config import ConfigError, from_environment

try:
    installation = from_environment()
except ConfigError as error:
    sys.exit(f"Hyperstrate cannot start. {error}")

bind = f"0.0.0.0:{installation.port}"
workers = installation.web_concurrency
worker_class = "hyperstrate.server.Worker"
worker_connections = 10_000
keepalive = 75
timeout = 120
graceful_timeout = 30
accesslog = None
loglevel = "warning"
forwarded_allow_ips = "*" if installation.trusted_proxies else "127.0.0.1"


WORKER_BOOT_ERROR = 3  # gunicorn ends itself when a worker ends with it


_starting = threading.Lock()
os.register_at_fork(
    before=_starting.acquire,
    after_in_parent=_starting.release,
    after_in_child=_starting.release,
)


_worker_ready, _say_ready = os.pipe()


def when_ready(server: Any) -> None:
    """Once a worker answers, start the recorder, and say where the door is."""
    threading.Thread(target=_stand_by, daemon=True).start()


def _stand_by() -> None:
    os.read(_worker_ready, 1)
    threading.Thread(target=_flask, args=("banner",), daemon=True).start()
    _keep_recorder_running()


def _keep_recorder_running() -> None:
    """It ends by itself when this process is gone; when it dies first, start it again."""
    while True:
        _flask("recorder")
        time.sleep(1)


def _flask(command: str) -> None:
    """Run a flask command to its end.

    No worker may be forked meanwhile: it would keep the pipe open on which Popen waits to hear that
    the command was started, and we would wait for the end of the worker.
    """
    with _starting:
        process = subprocess.Popen([sys.executable, "-m", "flask", "--app", "wsgi", command])  # noqa: S603 - a command of ours
    process.wait()


def post_worker_init(worker: Any) -> None:
    """Refuse a database of another version; hear of what other processes change."""
    from hyperstrate import preflight
    from hyperstrate.shared import cache

    problem = preflight.problem(worker.app.callable)
    if problem:
        sys.stderr.write(f"Hyperstrate cannot start: {problem}\n")
        sys.exit(WORKER_BOOT_ERROR)
    threading.Thread(target=cache.watch, args=(threading.Event(),), daemon=True).start()
    os.write(_say_ready, b"1")
