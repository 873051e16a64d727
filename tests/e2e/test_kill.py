"""SIGKILL at any moment: what was answered is in the log, once."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import servers
from tests.e2e.gateway import Admin, Gateway, eventually, running

CLIENTS = 6
PATH = "/v1/chat/completions"
WORDS = "/dummy chunks=6 chunk_delay_ms=3 delay_ms=2\nSay something"
# What a client sees when the server dies under it; a stream without its end is no answer either.
DROPPED = (OSError, http.client.HTTPException)


class Load:
    """Clients that ask without a pause, whole and streamed by turns, and note what is answered."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self.answered: dict[str, str] = {}
        self.asked: set[str] = set()
        self.refused: list[str] = []
        self._gateway = gateway
        self._key = key
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask_on, args=(name,), daemon=True)
            for name in "abcdefghij"[:CLIENTS]
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def wait_for(self, more: int) -> None:
        """Until so many more requests are answered."""
        enough = len(self.answered) + more
        assert eventually(lambda: len(self.answered) >= enough, within_s=30), self.refused

    def _ask_on(self, name: str) -> None:
        connection = self._connection()
        number = 0
        while not self._over.is_set():
            number += 1
            try:
                self._ask(connection, f"{name}{number}", is_stream=bool(number % 2))
            except DROPPED:
                connection.close()
                connection = self._connection()
                self._over.wait(0.02)
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._gateway.port, timeout=20)

    def _ask(
        self, connection: http.client.HTTPConnection, session: str, *, is_stream: bool
    ) -> None:
        headers = {"Authorization": f"Bearer {self._key}", "X-Session-Id": session}
        question = {"role": "user", "content": WORDS}
        body = {"model": "any", "messages": [question], "stream": is_stream}
        self.asked.add(session)
        connection.request("POST", PATH, json.dumps(body), headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            self.refused.append(answer.decode())
        elif not is_stream or answer.endswith(b"data: [DONE]\n\n"):
            self.answered[response.headers["x-hyperstrate-request-id"]] = session


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Gateway]:
    """An installation of its own, to be killed."""
    if request.param == "sqlite":
        with running(folder / "killed") as gateway:
            yield gateway
        return
    uri = str(request.getfixturevalue("postgres_uri"))
    with (
        servers.fresh_database(uri) as database,
        running(folder / "killed-postgres", DATABASE_DSN=database) as gateway,
    ):
        yield gateway


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """A restart takes a while; what SQLite stands twice, PostgreSQL must stand once."""
    return 2 if request.node.callspec.params["server"] == "sqlite" else 1


@pytest.fixture(scope="module")
def key(server: Gateway) -> str:
    admin = Admin(server)
    admin.set_up()
    return admin.key(admin.router("killed", admin.model("dummy")))


@contextmanager
def under_load(server: Gateway, key: str) -> Iterator[Load]:
    """Load while something happens; then every answer must be in the log, and nothing twice."""
    server.drain()
    before = {row.id for row in server.rows("SELECT id FROM inference_logs")}
    load = Load(server, key)
    load.start()
    try:
        yield load
        load.wait_for(50)
    finally:
        load.stop()
    server.drain()
    logged = server.rows("SELECT id, agent_session_id, status FROM inference_logs")
    new = {row.id: row for row in logged if row.id not in before}
    assert not load.refused
    assert load.answered.keys() <= new.keys()
    assert {id: new[id].agent_session_id for id in load.answered} == load.answered
    assert {new[id].status for id in load.answered} == {"success"}
    assert Counter(row.agent_session_id for row in new.values()).most_common(1)[0][1] == 1
    assert {row.agent_session_id for row in new.values()} <= load.asked


def test_killed_whole_at_random_moments_nothing_answered_is_lost(
    server: Gateway, key: str, kills: int
) -> None:
    with under_load(server, key) as load:
        for _ in range(kills):
            load.wait_for(random.randrange(20, 150))
            server.kill()
            server.start()


def test_a_killed_recorder_is_started_again_and_loses_nothing(server: Gateway, key: str) -> None:
    assert eventually(lambda: bool(server.recorder_pids)), "no recorder was started"
    [killed] = server.recorder_pids
    with under_load(server, key) as load:
        load.wait_for(random.randrange(20, 100))
        os.kill(killed, signal.SIGKILL)

        is_back = eventually(
            lambda: bool(server.recorder_pids) and server.recorder_pids != [killed], within_s=10
        )

        assert is_back


def test_a_killed_worker_is_replaced_and_loses_nothing_that_it_answered(
    server: Gateway, key: str
) -> None:
    [killed] = server.worker_pids
    with under_load(server, key) as load:
        load.wait_for(random.randrange(20, 100))
        os.kill(killed, signal.SIGKILL)

        is_back = eventually(
            lambda: bool(server.worker_pids) and server.worker_pids != [killed], within_s=10
        )

        assert is_back
