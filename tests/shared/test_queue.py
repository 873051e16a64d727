"""Jobs are done at least once, whatever is killed, and tried again until it is enough."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from hyperstrate.shared import queue
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.queue import QueuedJob, Run

ROOT = Path(__file__).resolve().parent.parent.parent
# Does jobs until one was done; the first try of a job kills the process in the middle.
WORKER = """
import os, signal, sys, threading
from hyperstrate.app import create_app
from hyperstrate.config import from_environment
from hyperstrate.shared import queue

ended = threading.Event()

@queue.job("kill", longest_s=0.5)
def kill(run):
    if run.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    ended.set()

app = create_app(from_environment())
with queue.looked_after(app.app_context):
    sys.exit(0 if ended.wait(60) else 1)
"""
done: list[tuple[Run, dict[str, Any]]] = []
troubles: list[Exception] = []
has_run = threading.Event()


@queue.job("note", waits_s=(10, 60), longest_s=60)
def note(run: Run, **payload: Any) -> None:
    done.append((run, payload))
    has_run.set()
    if troubles:
        raise troubles.pop(0)


@pytest.fixture(autouse=True)
def nothing_done() -> Iterator[None]:
    yield
    done.clear()
    troubles.clear()
    has_run.clear()


def enqueue(name: str = "note", **options: Any) -> bool:
    with unit_of_work():
        return queue.enqueue(name, **options)


def row() -> QueuedJob:
    session.rollback()
    return session.scalars(select(QueuedJob).execution_options(populate_existing=True)).one()


def change(**values: Any) -> None:
    with unit_of_work():
        session.execute(update(QueuedJob).values(**values))


def make_due() -> None:
    change(run_at=now() - timedelta(seconds=1))


def test_does_a_job_with_its_payload_once(app: Flask) -> None:
    enqueue(text="nul \x00 inside", number=3)

    while queue.perform_next():
        pass

    [(run, payload)] = done
    assert payload == {"text": "nul \x00 inside", "number": 3}
    assert (run.job_id, run.attempt, run.is_last) == (row().id, 1, False)
    assert row().status == "done"
    assert row().forget_at is not None


def test_a_job_is_there_only_when_its_cause_is_committed(app: Flask) -> None:
    def roll_back() -> None:
        with unit_of_work():
            queue.enqueue("note")
            raise LookupError

    with pytest.raises(LookupError):
        roll_back()

    assert not queue.perform_next()
    assert not done


def test_a_key_is_taken_once(app: Flask) -> None:
    assert enqueue(key="a", number=1)
    assert not enqueue(key="a", number=2)
    queue.perform_next()
    assert not enqueue(key="a", number=3)
    queue.perform_next()

    assert [payload for _, payload in done] == [{"number": 1}]


def test_a_job_waits_for_its_time(app: Flask) -> None:
    enqueue(delay_s=60)

    assert not queue.perform_next()

    make_due()
    assert queue.perform_next()
    assert len(done) == 1


def test_refuses_a_name_that_nobody_registered(app: Flask) -> None:
    with pytest.raises(KeyError, match="nothing_like_that"):
        enqueue("nothing_like_that")


def test_a_failure_is_tried_again_after_growing_waits(app: Flask) -> None:
    troubles.extend([ValueError("first"), ValueError("second")])
    enqueue()

    waits = []
    while queue.perform_next():
        waits.append(round((row().run_at - now()).total_seconds()))
        make_due()

    assert waits[:2] == [10, 60]
    assert [run.attempt for run, _ in done] == [1, 2, 3]
    assert [run.is_last for run, _ in done] == [False, False, True]
    assert (row().status, row().error) == ("done", "")


def test_a_job_that_keeps_failing_is_given_up_and_shown(app: Flask) -> None:
    troubles.extend([ValueError("first"), ValueError("second"), ValueError("nul \x00")])
    enqueue()

    for _ in range(4):
        queue.perform_next()
        make_due()

    assert len(done) == 3
    [shown] = queue.failed()
    assert shown.error == "ValueError: nul \ufffd"


def test_what_a_failed_try_wrote_is_undone(app: Flask) -> None:
    @queue.job("write_and_fail")
    def write_and_fail(run: Run) -> None:
        session.add(QueuedJob(name="half", key="half", payload="{}", run_at=now()))
        session.flush()
        raise ValueError

    enqueue("write_and_fail")

    queue.perform_next()

    assert row().name == "write_and_fail"


def test_two_workers_do_not_make_the_same_try(app: Flask) -> None:
    enqueue()

    for _ in range(2):
        queue.perform(row().id, "note", 0)

    assert len(done) == 1


def test_a_job_whose_process_was_lost_is_done_by_another(app: Flask) -> None:
    enqueue()
    change(status="running", attempts=1, locked_until=now() + timedelta(seconds=9))
    assert not queue.perform_next()

    change(locked_until=now() - timedelta(seconds=1))
    queue.perform_next()

    assert [run.attempt for run, _ in done] == [2]


def test_a_job_that_kills_its_process_every_time_is_given_up(app: Flask) -> None:
    enqueue()
    change(status="running", attempts=3, locked_until=now() - timedelta(seconds=1))

    queue.perform_next()

    assert not done
    assert "the process ended" in queue.failed()[0].error


def test_a_try_that_took_too_long_does_not_end_the_next_one(app: Flask) -> None:
    @queue.job("overtaken")
    def overtaken(run: Run) -> None:
        change(attempts=2)

    enqueue("overtaken")

    queue.perform_next()

    assert (row().status, row().attempts) == ("running", 2)


def test_a_job_of_another_version_waits_for_it(app: Flask) -> None:
    enqueue()
    change(name="of_tomorrow")

    queue.perform_next()

    assert row().status == "queued"
    assert "no job of this name" in row().error


def test_threads_do_what_is_due(app: Flask) -> None:
    enqueue()

    with queue.looked_after(app.app_context):
        assert has_run.wait(20)

    assert len(done) == 1


def test_a_job_outlives_the_kill_of_its_process(
    app: Flask, database_uri: str, environment: dict[str, str]
) -> None:
    queue.job("kill")(note)
    enqueue("kill")
    given = {**environment, "DATABASE_DSN": database_uri}

    codes = [
        subprocess.run([sys.executable, "-c", WORKER], env=given, cwd=ROOT, check=False).returncode
        for _ in range(2)
    ]

    assert codes == [-signal.SIGKILL, 0]
    assert (row().status, row().attempts) == ("done", 2)
