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
    """Once a worker answers, start the recorder."""
    threading.Thread(target=_keep_recorder_running, daemon=True).start()


def _keep_recorder_running() -> None:
    """It ends by itself when this process is gone; when it dies first, start it again.

    No worker may be forked while it is started: it would keep the pipe open on which Popen waits to
    hear of the start, and we would wait for the end of the worker.
    """
    os.read(_worker_ready, 1)
    while True:
        with _starting:
            recorder = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", "recorder"]
            )
        recorder.wait()
        time.sleep(1)


def post_worker_init(worker: Any) -> None:
    """Refuse a database of another version; hear of what others change; the first one greets."""
    from hyperstrate import cli, preflight
    from hyperstrate.shared import cache

    problem = preflight.problem(worker.app.callable)
    if problem:
        sys.stderr.write(f"Hyperstrate cannot start: {problem}\n")
        sys.exit(WORKER_BOOT_ERROR)
    threading.Thread(target=cache.watch, args=(threading.Event(),), daemon=True).start()
    os.write(_say_ready, b"1")
    if worker.age == 1:
        with worker.app.callable.app_context():
            cli.banner.callback()
