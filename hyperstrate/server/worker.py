"""gunicorn's gevent worker with our own connections in it."""

from __future__ import annotations

import gc
import sys
from time import monotonic
from typing import Any

# Here, before gevent patches: its locks, held for an addition, remain the system's cheap ones.
import prometheus_client  # noqa: F401
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]

from hyperstrate.config import from_environment
from hyperstrate.server.connection import Connection, Service

GARBAGE_TO_COLLECT = 20_000


class Worker(GeventWorker):  # type: ignore[misc]
    """``gunicorn -k hyperstrate.server.Worker``.

    Processes, signals, heartbeat and accepting are gunicorn's. It has no access log and no
    request hooks; TLS connections are left to gunicorn. ``-k gevent`` does all that, slower.
    """

    alive: bool

    def run(self) -> None:
        """Serve until the master says stop."""
        gc.freeze()  # what the application is made of is no garbage: do not look there again
        gc.set_threshold(GARBAGE_TO_COLLECT, 20, 20)
        environ = {
            "SCRIPT_NAME": "",
            "SERVER_SOFTWARE": "hyperstrate",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": self.cfg.workers > 1,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
        }
        self.service = Service(
            application=self.wsgi,
            environ=environ,
            max_body_bytes=from_environment().max_body_bytes,
            report=self._report,
            keepalive_s=self.cfg.keepalive,
        )
        super().run()

    def handle(self, listener: Any, client: Any, address: Any) -> None:
        """Serve one client, in a greenlet of its own."""
        if self.cfg.is_ssl:
            super().handle(listener, client, address)
            return
        Connection(client, _places(listener, address) | self.service.environ, self.service).serve()

    def _report(self, request: str, error: Exception) -> None:
        self.log.error("Error handling request %s", request, exc_info=error)

    def notify(self) -> None:
        """The heartbeat, once a second."""
        super().notify()
        if self.service.answered >= self.max_requests and self.alive:
            self.log.info("Restarting after %s requests.", self.service.answered)
            self.alive = False
        self.service.is_stopping = not self.alive
        self.service.look_after(monotonic())


def _places(listener: Any, address: Any) -> dict[str, str]:
    """Who speaks to whom; a Unix socket has neither host nor port."""
    here = listener.getsockname()
    host, port = here[:2] if isinstance(here, tuple) else (str(here), "")
    client, client_port = address[:2] if isinstance(address, tuple) else ("", "")
    return {
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": client,
        "REMOTE_PORT": str(client_port),
    }
