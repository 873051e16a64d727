"""A webhook hears of what happened, whatever is killed between two tries."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hyperstrate.shared.ids import new_id
from tests import answers
from tests.e2e.gateway import Admin, Gateway, eventually, running
from tests.upstreams import Provider

CHAT = {"model": "x", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def receiver() -> Iterator[Provider]:
    """Refuses the first message and takes all others."""
    with Provider() as receiver:
        receiver.answers(answers.json({}, 500))
        receiver.always(answers.json({}))
        yield receiver


def be_refused(gateway: Gateway, webhook_url: str) -> Admin:
    """Two requests where one is allowed: the second is what the webhook is told of."""
    admin = Admin(gateway)
    admin.set_up()
    router_id = admin.router("support", admin.model(), rate_limit={"rps": 0.001, "burst": 1})
    admin.call("PATCH", f"/router/{router_id}", {"webhookUrl": webhook_url})
    headers = {"Authorization": f"Bearer {admin.token}"}
    path = f"/router/{router_id}/v1/chat/completions"
    statuses = [gateway.request("POST", path, CHAT, headers)[0] for _ in range(2)]
    assert statuses == [200, 429]
    return admin


def deliveries(gateway: Gateway) -> list[tuple[int, int]]:
    rows = gateway.rows("SELECT attempt, status_code FROM webhook_deliveries ORDER BY id")
    return [(row.attempt, row.status_code) for row in rows]


def wait_for_deliveries(gateway: Gateway, count: int) -> list[tuple[int, int]]:
    eventually(lambda: len(deliveries(gateway)) >= count, within_s=40)
    return deliveries(gateway)


def wait_for_failure(gateway: Gateway) -> None:
    """Until the first try has failed and the second one waits."""
    query = "SELECT id FROM queued_jobs WHERE status = 'queued' AND attempts = 1"
    assert eventually(lambda: bool(gateway.rows(query)), within_s=40), gateway.log.read_text()


def make_due(gateway: Gateway) -> None:
    """The wait between two tries is over."""
    with closing(sqlite3.connect(gateway.folder / "gateway.db")) as connection:
        connection.execute("UPDATE queued_jobs SET run_at = '2020-01-01 00:00:00.000000'")
        connection.commit()


def test_without_redis_the_server_sends_it(tmp_path: Path, receiver: Provider) -> None:
    with running(tmp_path / "gateway") as gateway:
        be_refused(gateway, receiver.url)
        wait_for_failure(gateway)
        gateway.kill()
        make_due(gateway)

        gateway.start()

        assert wait_for_deliveries(gateway, 2) == [(1, 500), (2, 200)]
        assert len({request.body for request in receiver.requests}) == 1
        assert receiver.requests[1].json["event"] == "rate_limit_exceeded"


def test_with_redis_the_workers_send_it(tmp_path: Path, receiver: Provider, redis_url: str) -> None:
    environment = {"REDIS_URL": redis_url, "CACHE_REDIS_PREFIX": new_id("test")}
    with running(tmp_path / "gateway", **environment) as gateway:
        be_refused(gateway, receiver.url)
        with gateway.beside("worker") as worker:
            wait_for_failure(gateway)
            os.killpg(worker.pid, signal.SIGKILL)

        make_due(gateway)
        with gateway.beside("worker"):
            assert wait_for_deliveries(gateway, 2) == [(1, 500), (2, 200)]
