"""The flask commands do what they say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.queue import QueuedJob

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def given(database_uri: str, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a command on the application's database."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, **environment, "DATABASE_DSN": database_uri, "FLASK_APP": "wsgi"}


def test_worker_without_redis_says_so_and_works_until_it_is_stopped(
    app: Flask, given: dict[str, str]
) -> None:
    command = [sys.executable, "-u", "-m", "flask", "worker"]
    with subprocess.Popen(
        command, env=given, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        said = worker.stdout.readline()
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)

        assert worker.wait(30) in (0, -signal.SIGTERM)  # it may come before the handler is there
    assert "REDIS_URL" in said


def test_jobs_shows_what_was_given_up(app: Flask, given: dict[str, str]) -> None:
    at = datetime(2027, 1, 31, 12, 30, tzinfo=UTC)
    job = QueuedJob(name="deliver", key="a", payload="{}", run_at=at, created_at=at)
    job.status, job.error = "failed", "DeliveryFailed: answered 500"
    with unit_of_work():
        session.add(job)

    answer = app.test_cli_runner().invoke(args=["jobs"])

    assert answer.output == f"2027-01-31 12:30 {job.id} deliver DeliveryFailed: answered 500\n"
