"""A running installation: the real server in processes of its own, as `make run` starts it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from flask_migrate import upgrade
from sqlalchemy import create_engine, text

from hyperstrate.app import create_app
from hyperstrate.config import Config, from_environment
from hyperstrate.shared.db import db
from hyperstrate.shared.spool import backlog
from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
SETUP_TOKEN = "open-sesame"
START_S = 60.0


class Gateway:
    """An installation on loopback. ``stop`` and ``kill`` end it, ``start`` begins again."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **{key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ},
            "PORT": str(self.port),
            "DATABASE_DSN": f"sqlite:///{folder / 'gateway.db'}",
            "SPOOL_DIR": str(folder / "spool"),
            "SETUP_TOKEN": SETUP_TOKEN,
            "ALLOW_PRIVATE_UPSTREAMS": "127.0.0.1",
            "FLASK_APP": "wsgi",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }

    def flask(self, *arguments: str, **environment: str) -> str:
        """Run a flask command of this installation and give what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", *arguments],
            env={**self._environment, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def migrate(self) -> None:
        """As `flask db upgrade` does, but in this process, which has loaded it all."""
        app = create_app(self._config())
        with app.app_context():
            upgrade()
            db.engine.dispose()

    @contextmanager
    def beside(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A flask command that runs while this lasts, such as ``worker``; killed at the end."""
        with self.log.open("ab") as log:
            command = subprocess.Popen(
                [sys.executable, "-m", "flask", *arguments],
                env=self._environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield command
        finally:
            with suppress(ProcessLookupError):
                os.killpg(command.pid, signal.SIGKILL)
            command.wait(30)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "wsgi:app"],
                env=self._environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._until_ready()

    def _until_ready(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()
            try:
                if self.request("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                threading.Event().wait(0.05)
        raise TimeoutError(self.log.read_text())

    def kill(self) -> None:
        """End every process of the server at once, with SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask the server to end, and wait for it."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        group = self._process.pid
        os.killpg(group, how)
        self._process.wait(30)
        self._process = None
        assert eventually(lambda: not _is_alive(group), within_s=30), "the recorder still runs"

    def refusal(self, **environment: str) -> str:
        """What a server says that does not start in this environment; its exit code is not 0."""
        done = subprocess.run(
            [sys.executable, "-m", "gunicorn", "wsgi:app"],
            env={**self._environment, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_S,
        )
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    @property
    def worker_pids(self) -> list[int]:
        """The processes that answer."""
        return [pid for pid in self._children() if _name(pid) not in ("", "recorder")]

    @property
    def recorder_pids(self) -> list[int]:
        """The recorder: one process, none while it is started again."""
        return [pid for pid in self._children() if _name(pid) == "recorder"]

    def _children(self) -> list[int]:
        assert self._process is not None
        lists = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        return [int(pid) for path in lists for pid in path.read_text().split()]

    def rows(self, query: str) -> list[Any]:
        """What the installation's database answers."""
        engine = create_engine(self._config().database_uri)
        try:
            with engine.connect() as connection:
                return list(connection.execute(text(query)))
        finally:
            engine.dispose()

    def _config(self) -> Config:
        return from_environment({**self._environment, "APP_ENV": "development"})

    def drain(self, *, within_s: float = 20.0) -> None:
        """Wait until the recorder has written everything that was spooled."""
        spool = self._environment["SPOOL_DIR"]
        assert eventually(lambda: backlog(spool).bytes == 0, within_s=within_s), backlog(spool)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 30.0,
    ) -> tuple[int, dict[str, str], bytes]:
        """One HTTP request: status, headers with lower-case names, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            given = {"Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, data, given)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return response.status, found, response.read()
        finally:
            connection.close()


class Admin:
    """Ada, the first admin, over REST. Raises AssertionError with what the API answered."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._token = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        status, _headers, answer = self.gateway.request(method, path, body, headers)
        assert status < 300, f"{method} {path}: {status} {answer.decode()}"
        return json.loads(answer) if answer else None

    def set_up(self) -> None:
        """The first run, without a browser."""
        body = {
            "setupToken": SETUP_TOKEN,
            "orgName": "Acme",
            "name": "Ada",
            "email": EMAIL,
            "password": PASSWORD,
        }
        self._token = self.call("POST", "/auth/setup", body)["token"]

    def sign_in(self) -> None:
        body = {"email": EMAIL, "password": PASSWORD}
        self._token = self.call("POST", "/auth/login", body)["token"]

    @property
    def token(self) -> str:
        """The session token, to be sent as Bearer."""
        return self._token

    def model(self, definition: str = "dummy", **configuration: Any) -> str:
        """Register a model; with ``baseUrl=...`` and the like it is configured."""
        model = self.call("POST", "/ai/models", {"modelDefinitionKey": definition})
        if configuration:
            self.call("PUT", f"/ai/models/{model['id']}/configuration", configuration)
        return str(model["id"])

    def router(
        self, name: str, *models: str, strategy: str = "failover", **features: dict[str, Any]
    ) -> str:
        """An active router over ``models``, by priority, with ``features`` by name."""
        router = self.call("POST", "/router", {"name": name, "strategy": strategy})["id"]
        for priority, model in enumerate(models):
            target = {"modelId": model, "priority": priority}
            self.call("POST", f"/router/{router}/targets", target)
        for feature, config in features.items():
            body = {"featureType": feature, "config": config}
            self.call("POST", f"/router/{router}/features", body)
        self.call("PATCH", f"/router/{router}", {"status": "active"})
        return str(router)

    def key(self, router_id: str = "", **more: Any) -> str:
        """A new API key of a router; without one, of the whole organisation."""
        scope = {"routerId": router_id} if router_id else {"scope": "global"}
        return str(self.call("POST", "/auth/api-keys", {"name": "test", **scope, **more})["key"])

    def log(self, request_id: str) -> dict[str, Any]:
        """The log of a request, once it is written."""
        path = f"/analytics/inference-logs/{request_id}"
        headers = {"Authorization": f"Bearer {self._token}"}
        found: list[bytes] = []

        def is_there() -> bool:
            status, _, answer = self.gateway.request("GET", path, headers=headers)
            found[:] = [answer]
            return status == 200

        assert eventually(is_there, within_s=20.0), found
        return dict(json.loads(found[0]))

    def log_of_session(self, session: str) -> dict[str, Any]:
        """The only log of an agent session, once it is written."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            items = self.call("GET", "/analytics/inference-logs?perPage=50")["items"]
            found[:] = [log for log in items if log["agentSessionId"] == session]
            return bool(found)

        assert eventually(is_there, within_s=20.0), session
        [log] = found
        return log

    def logs(self, count: int, *, within_s: float = 20.0) -> list[dict[str, Any]]:
        """The logs, newest first, once there are ``count``; the recorder writes them in batches."""
        until = time.monotonic() + within_s
        while True:
            page = self.call("GET", "/analytics/inference-logs?perPage=500")
            if len(page["items"]) >= count or time.monotonic() > until:
                return list(page["items"])
            threading.Event().wait(0.05)


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Gateway]:
    """A new installation on an empty database, started and ended here."""
    folder.mkdir(parents=True, exist_ok=True)
    gateway = Gateway(folder, environment)
    gateway.migrate()
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()
        shutil.rmtree(folder, ignore_errors=True)


def eventually(is_so: Callable[[], bool], *, within_s: float = 10.0) -> bool:
    """Whether something becomes true in time; asked again and again."""
    until = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > until:
            return False
        threading.Event().wait(0.02)
    return True


def _is_alive(group: int) -> bool:
    """Whether a process of the group still runs; one that nobody has reaped does not."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, found = path.read_text().rpartition(")")[2].split()[:3]
            if int(found) == group and state != "Z":
                return True
    return False


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return ""
