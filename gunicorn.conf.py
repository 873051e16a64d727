"""How gunicorn runs Hyperstrate: our gevent workers, and one recorder beside them on every host.

``gunicorn -k gevent wsgi:app`` runs it on gunicorn's own worker: slower, with an access log.
"""

from __future__ import annotations

import gc
import importlib
import sys
import threading
from typing import Any

from hyperstrate.config import ConfigError, from_environment
from hyperstrate.server import recorder_process

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


def on_starting(_server: Any) -> None:
    """Load what workers and recorder have in common: they are forked from here, and share it.

    What gevent replaces later must not be kept by name in a module; a test sees to it.
    """
    gc.disable()  # what is loaded stays, so that a search for garbage finds nothing
    importlib.import_module("hyperstrate.app")
    importlib.import_module("sqlalchemy.orm").configure_mappers()
    gc.freeze()  # nor does a later one look there: it would write on every page
    gc.enable()


def when_ready(server: Any) -> None:
    """Have a recorder beside the workers."""
    recorder_process.keep_running(server)


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
    recorder_process.let_begin()
    if worker.age == 1:
        with worker.app.callable.app_context():
            cli.banner.callback()
