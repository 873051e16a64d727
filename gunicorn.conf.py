"""How gunicorn runs Hyperstrate: our gevent workers, and one recorder beside them on every host.

``gunicorn -k gevent wsgi:app`` runs it on gunicorn's own worker: slower, with an access log.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

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


# Without threads, sockets, or locks held over a wait: in the workers those must be gevent's.
LARGE_LIBRARIES = (
    "argon2",
    "cryptography.fernet",
    "flask_login",
    "flask_smorest",
    "flask_sqlalchemy",
    "flask_wtf",
    "htmx_flask",
    "httpx",
    "joserfc.jwt",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "structlog",
)
WORKER_BOOT_ERROR = 3  # gunicorn ends itself when a worker ends with it


_worker_ready, _say_ready = os.pipe()


def on_starting(_server: Any) -> None:
    """Load what workers and recorder have in common: they are forked from here, and share it."""
    for name in LARGE_LIBRARIES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a search for garbage would write on every page


def when_ready(server: Any) -> None:
    """Once a worker answers, start the recorder."""
    threading.Thread(target=_keep_recorder_running, args=(server,), daemon=True).start()


def _keep_recorder_running(server: Any) -> None:
    """It ends by itself when this process is gone; when it dies first, start it again."""
    os.read(_worker_ready, 1)
    while True:
        pid = os.fork()
        if not pid:
            _record(server)
        with contextlib.suppress(ChildProcessError):  # gunicorn may hear of it first
            os.waitpid(pid, 0)
        time.sleep(1)


def _record(server: Any) -> NoReturn:
    """In the new process: leave behind what is gunicorn's, and be the recorder."""
    status = 1
    try:
        for number in (*server.SIGNALS, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for listener in server.LISTENERS:
            listener.close()
        with contextlib.suppress(OSError):  # what ps and top show, on Linux
            Path("/proc/self/comm").write_text("recorder")
        from hyperstrate import cli
        from wsgi import app

        if os.getppid() == server.pid:  # loading takes a while, and from here on it looks itself
            with app.app_context():
                cli.record.callback()
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def post_worker_init(worker: Any) -> None:
    """Refuse a database of another version; hear of what others change; the first one greets."""
    from hyperstrate import cli, preflight
    from hyperstrate.shared import cache, heartbeat

    problem = preflight.problem(worker.app.callable)
    if problem:
        sys.stderr.write(f"Hyperstrate cannot start: {problem}\n")
        sys.exit(WORKER_BOOT_ERROR)
    for look_after in (cache.watch, heartbeat.run):
        threading.Thread(target=look_after, args=(threading.Event(),), daemon=True).start()
    os.write(_say_ready, b"1")
    if worker.age == 1:
        with worker.app.callable.app_context():
            cli.banner.callback()
