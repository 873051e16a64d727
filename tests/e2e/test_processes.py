"""Two processes with a Valkey are one gateway; and an environment that cannot work is refused."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import answers
from tests.e2e.gateway import Admin, Gateway, eventually, running
from tests.upstreams import Provider

# What another process changed is seen within a second; the other one is for a busy machine.
SOON_S = 2.0
CHAT: dict[str, Any] = {"model": "any", "messages": [{"role": "user", "content": "Say hello"}]}


class Pair:
    """An installation of two workers, with a kept connection to each."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.admin = Admin(gateway)
        self.admin.set_up()
        first, second = gateway.worker_pids
        self._connections = [self._while_stopped(second), self._while_stopped(first)]

    def _while_stopped(self, other: int) -> http.client.HTTPConnection:
        """A connection to the worker that is left."""
        os.kill(other, signal.SIGSTOP)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=10)
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
        finally:
            os.kill(other, signal.SIGCONT)
        return connection

    def ask(self, key: str, worker: int) -> tuple[int, http.client.HTTPMessage]:
        """Ask the first worker or the second: 0 or 1."""
        connection = self._connections[worker]
        headers = {"Authorization": f"Bearer {key}"}
        connection.request("POST", "/v1/chat/completions", json.dumps(CHAT), headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers

    def ask_by_turns(self, key: str, times: int) -> list[tuple[int, http.client.HTTPMessage]]:
        return [self.ask(key, number % 2) for number in range(times)]

    def both_say(self, key: str, status: int) -> bool:
        return {found for found, _ in self.ask_by_turns(key, 2)} == {status}

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


@pytest.fixture(scope="module")
def pair(folder: Path, redis_url: str) -> Iterator[Pair]:
    with running(folder / "pair", WEB_CONCURRENCY="2", REDIS_URL=redis_url) as gateway:
        found = Pair(gateway)
        yield found
        found.close()


def test_a_key_that_is_disabled_is_refused_by_both(pair: Pair) -> None:
    router = pair.admin.router("disabled", pair.admin.model())
    body = {"name": "test", "routerId": router}
    made = pair.admin.call("POST", "/auth/api-keys", body)
    assert pair.both_say(made["key"], 200)

    pair.admin.call("PATCH", f"/auth/api-keys/{made['id']}", {"isEnabled": False})

    assert eventually(lambda: pair.both_say(made["key"], 401), within_s=SOON_S)


def test_an_edited_router_is_seen_by_both(pair: Pair) -> None:
    router = pair.admin.router("edited", pair.admin.model())
    key = pair.admin.key(router)
    assert pair.both_say(key, 200)

    pair.admin.call("PATCH", f"/router/{router}", {"status": "inactive"})
    is_closed = eventually(lambda: pair.both_say(key, 422), within_s=SOON_S)
    pair.admin.call("PATCH", f"/router/{router}", {"status": "active"})
    is_open = eventually(lambda: pair.both_say(key, 200), within_s=SOON_S)

    assert is_closed
    assert is_open


def test_round_robin_is_even_over_both(pair: Pair) -> None:
    models = [pair.admin.model() for _ in range(3)]
    key = pair.admin.key(pair.admin.router("even", *models, strategy="round_robin"))

    told = [headers["x-hyperstrate-target"] for _, headers in pair.ask_by_turns(key, 30)]

    assert sorted(Counter(told).values()) == [10, 10, 10]


def test_a_rate_limit_holds_over_both(pair: Pair) -> None:
    limit = {"rps": 0.001, "burst": 5}
    key = pair.admin.key(pair.admin.router("limited", pair.admin.model(), rate_limit=limit))

    found = pair.ask_by_turns(key, 12)

    assert Counter(status for status, _ in found) == {200: 5, 429: 7}
    assert all(int(headers["retry-after"]) > 1 for status, headers in found if status == 429)


def test_what_one_keeps_in_its_cache_the_other_finds(pair: Pair) -> None:
    router = pair.admin.router("cached", pair.admin.model(), response_cache={})
    key = pair.admin.key(router)

    found = [headers["x-hyperstrate-cache"] for _, headers in pair.ask_by_turns(key, 2)]

    assert found == ["miss", "exact"]


def test_a_circuit_that_one_opened_is_open_for_the_other(pair: Pair, provider: Provider) -> None:
    provider.always(answers.error(500))
    model = pair.admin.model("chatgpt/gpt-4o", baseUrl=provider.url, apiKey="k")
    key = pair.admin.key(pair.admin.router("circuit", model))
    for _ in range(5):
        assert pair.ask(key, 0)[0] == 500

    assert eventually(lambda: pair.ask(key, 1)[0] == 503, within_s=SOON_S)
    assert pair.ask(key, 0)[0] == 503


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY: more than one process needs REDIS_URL"),
        ({"PORT": "abc"}, "PORT: must be a whole number"),
        ({"DATABASE_DSN": "mysql://a@b/c"}, "DATABASE_DSN: must be postgres"),
        ({"ALLOW_PRIVATE_UPSTREAMS": "10.0.0.0/99"}, "ALLOW_PRIVATE_UPSTREAMS: "),
        ({"APP_ENV": "production"}, "JWT_SECRET: must be set in production"),
        (
            {"APP_ENV": "production", "JWT_SECRET": "x" * 40},
            "SECRET_KEYS: must be set in production",
        ),
    ],
    ids=["two without Redis", "port", "database", "network", "no JWT_SECRET", "no SECRET_KEYS"],
)
def test_what_does_not_start_says_why_in_one_line(
    environment: dict[str, str], complaint: str, tmp_path: Path
) -> None:
    said = Gateway(tmp_path, {}).refusal(**environment)

    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) == 1, said
    assert complaint in lines[0]
