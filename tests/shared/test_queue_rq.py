"""With Redis, RQ brings the jobs to its workers; the rows stay the truth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import SimpleWorker
from rq.job import JobStatus
from rq.serializers import JSONSerializer
from sqlalchemy import select, update

from hyperstrate.shared import queue
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.queue import QueuedJob, Run
from hyperstrate.shared.queue_rq import RqCarrier

done: list[int] = []
troubles: list[Exception] = []


@queue.job("note_for_rq", waits_s=(30,), longest_s=60)
def note(run: Run, *, number: int) -> None:
    done.append(number)
    if troubles:
        raise troubles.pop(0)


@pytest.fixture
def prefix() -> str:
    return new_id("test")


@pytest.fixture
def carrier(app: Flask, redis_url: str, prefix: str) -> Iterator[RqCarrier]:
    """RQ's queue; the application's jobs go there meanwhile."""
    queue.configure(redis_url, prefix)
    carrier = RqCarrier(redis_url, prefix)
    yield carrier
    carrier.queue.delete(delete_jobs=True)
    carrier.queue.connection.close()
    queue.configure("", "")
    done.clear()
    troubles.clear()


def enqueue(**options: Any) -> None:
    with unit_of_work():
        queue.enqueue("note_for_rq", **options)


def row() -> QueuedJob:
    session.rollback()
    return session.scalars(select(QueuedJob).execution_options(populate_existing=True)).one()


def work(carrier: RqCarrier) -> None:
    """Do what is in Redis, as a worker would."""
    worker = SimpleWorker(
        [carrier.queue], connection=carrier.queue.connection, serializer=JSONSerializer
    )
    worker.work(burst=True, logging_level="ERROR")


def make_due() -> None:
    with unit_of_work():
        session.execute(update(QueuedJob).values(run_at=now() - timedelta(minutes=1)))


def test_a_worker_does_the_job(carrier: RqCarrier) -> None:
    enqueue(number=1)

    work(carrier)

    assert done == [1]
    assert row().status == "done"


def test_redis_has_no_payload_and_no_code(carrier: RqCarrier, redis_url: str) -> None:
    enqueue(number=1)

    [job] = carrier.queue.jobs
    assert job.func_name == "hyperstrate.shared.queue.perform"
    assert job.args == [row().id, "note_for_rq", 0]
    assert carrier.queue.serializer is JSONSerializer


def test_nothing_goes_to_redis_before_the_commit(carrier: RqCarrier) -> None:
    with unit_of_work():
        queue.enqueue("note_for_rq", number=1)

        assert carrier.queue.count == 0

    assert carrier.queue.count == 1


def test_a_failed_try_is_handed_over_when_its_wait_is_over(carrier: RqCarrier) -> None:
    troubles.append(ValueError("busy"))
    enqueue(number=1)
    work(carrier)

    queue.hand_over_due()
    assert carrier.queue.count == 0
    assert (row().status, row().attempts) == ("queued", 1)

    make_due()
    queue.hand_over_due()
    work(carrier)
    assert done == [1, 1]
    assert row().status == "done"


def test_a_delayed_job_goes_to_redis_in_its_time(carrier: RqCarrier) -> None:
    enqueue(delay_s=60, number=1)

    queue.hand_over_due()
    assert carrier.queue.count == 0

    make_due()
    queue.hand_over_due()
    assert carrier.queue.count == 1


def test_the_jobs_of_a_killed_worker_are_handed_over(carrier: RqCarrier) -> None:
    enqueue(number=1)
    [carried] = carrier.queue.jobs
    carried.set_status(JobStatus.STARTED)
    carrier.queue.connection.delete(carrier.queue.key)
    with unit_of_work():
        lost = {"status": "running", "attempts": 1, "locked_until": now() - timedelta(seconds=1)}
        session.execute(update(QueuedJob).values(**lost))

    queue.hand_over_due()
    work(carrier)

    assert done == [1]


def test_what_redis_lost_is_handed_over_again_once(carrier: RqCarrier) -> None:
    enqueue(number=1)
    carrier.queue.delete(delete_jobs=True)
    make_due()

    for _ in range(3):
        queue.hand_over_due()

    assert carrier.queue.count == 1
    work(carrier)
    assert done == [1]


def test_a_job_that_was_queued_while_redis_was_away_is_done_later(
    carrier: RqCarrier, redis_url: str, prefix: str
) -> None:
    queue.configure("redis://127.0.0.1:1/0", prefix)
    enqueue(number=1)
    make_due()
    queue.hand_over_due()
    queue.configure(redis_url, prefix)

    queue.hand_over_due()
    work(carrier)

    assert done == [1]


def test_a_worker_that_comes_late_finds_the_job_done(carrier: RqCarrier) -> None:
    enqueue(number=1)
    queue.perform(row().id, "note_for_rq", 0)

    work(carrier)

    assert done == [1]


def test_other_installations_have_other_queues(carrier: RqCarrier, redis_url: str) -> None:
    enqueue(number=1)

    with Redis.from_url(redis_url) as redis:
        assert redis.llen(carrier.queue.key) == 1
    other = RqCarrier(redis_url, new_id("test"))
    work(other)
    other.queue.connection.close()

    assert not done
