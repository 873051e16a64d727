"""What waits in the queue, and what was given up, is counted up to a bound."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from hyperstrate.shared import queue, queue_state
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.queue import KEEP_DONE, KEEP_FAILED, QueuedJob
from hyperstrate.shared.queue_state import Waiting


@queue.job("wait")
def wait(run: queue.Run) -> None: ...


@queue.job("other")
def other(run: queue.Run) -> None: ...


def test_nothing_waits_at_first(app: Flask) -> None:
    assert queue_state.waiting() == Waiting(0, None)
    assert queue_state.count_failed() == 0


def test_jobs_are_counted_by_name_and_by_time(app: Flask) -> None:
    with unit_of_work():
        queue.enqueue("wait")
        queue.enqueue("wait", delay_s=600)
        queue.enqueue("other", delay_s=600)

    due = queue_state.waiting(before=now())

    assert queue_state.waiting().count == 3
    assert queue_state.waiting(name="wait").count == 2
    assert due.count == 1
    assert due.since is not None
    assert abs((now() - due.since).total_seconds()) < 60


def test_what_is_over_does_not_wait_and_what_failed_is_told(app: Flask) -> None:
    with unit_of_work():
        for status, kept in (("done", KEEP_DONE), ("failed", KEEP_FAILED)):
            row = QueuedJob(name="wait", key=status, payload="{}", run_at=now())
            row.status, row.forget_at = status, now() + kept
            session.add(row)

    assert queue_state.waiting().count == 0
    assert queue_state.count_failed() == 1


def test_counting_ends_at_a_bound(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_state, "MOST_COUNTED", 2)
    with unit_of_work():
        for delay_s in (10, 20, 30):
            queue.enqueue("wait", delay_s=delay_s)

    assert queue_state.waiting().count == 2
    assert queue_state.waiting(before=now() + timedelta(seconds=15)).count == 1
