"""Every finished request stands in the log once, whatever is killed in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event as database_event
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from hyperstrate.events import RequestsRecorded, requests_recorded
from hyperstrate.observability import metrics, recorder
from hyperstrate.observability.models import InferenceLog, InferencePayload, UsageHour
from hyperstrate.shared.db import db, session
from hyperstrate.shared.spool import Spool, SpoolReader
from tests.observability.installation import ACME, GLOBEX, make_event

ROOT = Path(__file__).resolve().parent.parent.parent
WRITER = """
import sys
import time
from hyperstrate.observability import recorder
from hyperstrate.shared.spool import Spool
from tests.observability.installation import make_event

recorder.configure(Spool(sys.argv[1], segment_bytes=50_000))
while True:
    event = make_event()
    recorder.record_inference(event)
    sys.stdout.write(event.id + "\\n")
    sys.stdout.flush()
    time.sleep(0.001)
"""
RECORDER = """
import os, sys
parent = os.getppid()
from hyperstrate.observability import recorder
from hyperstrate.shared.spool import Spool
from tests.observability.installation import build_app

app = build_app(sys.argv[1], Spool(sys.argv[2]))
with app.app_context():
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    recorder.run(sys.argv[2], retention_days=36500, parent=parent)
"""
ORPHAN = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
sys.stdout.write(f"{child.pid}\\n")
sys.stdout.flush()
"""


@contextmanager
def process(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A real process, killed at the end if it still runs."""
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        try:
            yield running
        finally:
            running.kill()


def stored_ids() -> list[str]:
    session.rollback()
    return list(session.scalars(select(InferenceLog.id)))


def counted() -> int:
    """How many requests the hourly sums know."""
    requests = func.sum(UsageHour.requests).filter(UsageHour.scope == "all")
    return int(session.scalar(select(requests)) or 0)


def wait_until_empty(spool: Spool) -> None:
    deadline = time.monotonic() + 30
    while list(spool.folder.glob("*.segment")):
        assert time.monotonic() < deadline, "the recorder did not empty the spool"
        time.sleep(0.02)


def test_a_request_and_its_payload_stand_in_the_log(app: Flask, reader: SpoolReader) -> None:
    event = make_event(request_body={"model": "m\x00"}, response_text="nul \x00 inside")
    recorder.record_inference(event)

    assert recorder.drain(reader) == 1

    log = session.get_one(InferenceLog, event.id)
    assert log.cost_usd == Decimal("0.0000012345")
    assert log.created_at == datetime.fromtimestamp(event.at, UTC)
    payload = session.get_one(InferencePayload, event.id)
    assert payload.request_fields == '{"model":"m\\u0000"}'
    assert payload.response_content == "nul \ufffd inside"


def test_a_batch_that_is_read_twice_counts_once(app: Flask, reader: SpoolReader) -> None:
    events = [make_event() for _ in range(5)]
    for event in events:
        recorder.record_inference(event)
    recorder.drain(reader)
    (reader.folder / "positions.json").unlink()
    reader.release()
    assert reader.acquire()

    assert recorder.drain(reader, batch=2) == 5

    assert sorted(stored_ids()) == sorted(event.id for event in events)
    assert counted() == 5


def test_the_position_moves_only_after_the_commit_complaint_8(
    app: Flask, reader: SpoolReader
) -> None:
    recorder.record_inference(event := make_event())

    def fail(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("the database is gone"))

    database_event.listen(db.engine, "before_cursor_execute", fail)
    with pytest.raises(OperationalError):
        recorder.drain(reader)
    database_event.remove(db.engine, "before_cursor_execute", fail)

    assert recorder.drain(reader) == 1
    assert stored_ids() == [event.id]


def test_lines_that_are_no_requests_are_put_aside_and_the_rest_goes_on(
    app: Flask, spool: Spool, reader: SpoolReader
) -> None:
    first, last = make_event(), make_event()
    recorder.record_inference(first)
    for line in (b"{not json", b"[]", b"{}", b"\xff\xfe"):
        spool.append(line)
    recorder.record_inference(last)

    recorder.drain(reader)

    assert sorted(stored_ids()) == sorted([first.id, last.id])
    rejected = (spool.folder / "rejected.jsonl").read_bytes()
    assert rejected == b"{not json\n[]\n{}\n\xff\xfe\n"


def test_a_row_that_the_database_refuses_is_put_aside_and_its_batch_goes_on(
    app: Flask, spool: Spool, reader: SpoolReader
) -> None:
    good = make_event()
    recorder.record_inference(make_event(cost_usd=Decimal("1e30")))
    recorder.record_inference(good)

    recorder.drain(reader)

    assert stored_ids() == [good.id]
    assert b"1E+30" in (spool.folder / "rejected.jsonl").read_bytes()


def test_it_tells_when_each_key_was_last_used(app: Flask, reader: SpoolReader) -> None:
    heard: list[RequestsRecorded] = []
    requests_recorded.connect(heard.append)
    for at, org_id, key in ((20, ACME, "k1"), (30, ACME, "k1"), (10, GLOBEX, "k2"), (5, ACME, "")):
        sent = {"api_key_id": key, "virtual_key_id": key and "v1", "key_prefix": "hs_1"}
        recorder.record_inference(make_event(at=at, org_id=org_id, **sent))
    recorder.record_inference(
        make_event(at=40, org_id=ACME, api_key_id="", virtual_key_id="v1", key_prefix="hs_2")
    )

    recorder.drain(reader)
    requests_recorded.disconnect(heard.append)

    used = {
        (ACME, "k1", "hs_1"): 30,
        (GLOBEX, "k2", "hs_1"): 10,
        (ACME, "v1", "hs_2"): 40,
    }
    assert [event.keys_used for event in heard] == [
        {key: datetime.fromtimestamp(at, UTC) for key, at in used.items()}
    ]


def test_a_request_that_cannot_be_spooled_is_counted_complaint_6(
    app: Flask, tmp_path: Path
) -> None:
    recorder.configure(Spool(tmp_path / "nowhere"))
    before = metrics.render(tmp_path, lambda: 0)

    recorder.record_inference(make_event())

    after = metrics.render(tmp_path, lambda: 0)
    assert failures(after) == failures(before) + 1


def failures(text: bytes) -> float:
    lines = text.decode().splitlines()
    return float(next(line for line in lines if line.startswith("spool_failures_total")).split()[1])


def test_it_records_until_it_is_stopped_and_then_what_is_left(app: Flask, spool: Spool) -> None:
    stop = threading.Event()
    first, last = make_event(), make_event()

    def work() -> None:
        with app.app_context():
            recorder.run(spool.folder, retention_days=36500, stop=stop)

    worker = threading.Thread(target=work)
    worker.start()
    recorder.record_inference(first)
    deadline = time.monotonic() + 20
    while not stored_ids():
        assert time.monotonic() < deadline
    stop.set()
    recorder.record_inference(last)
    worker.join(20)
    reader = SpoolReader(spool.folder)
    assert reader.acquire()
    recorder.drain(reader)

    assert sorted(stored_ids()) == sorted([first.id, last.id])


def test_it_goes_on_when_the_database_comes_back(app: Flask, spool: Spool) -> None:
    stop, failed = threading.Event(), threading.Event()

    def fail(*_: object) -> None:
        failed.set()
        raise OperationalError("INSERT", {}, Exception("the database is gone"))

    def work() -> None:
        with app.app_context():
            recorder.run(spool.folder, retention_days=36500, stop=stop)

    engine = db.engine
    database_event.listen(engine, "before_cursor_execute", fail)
    recorder.record_inference(event := make_event())
    worker = threading.Thread(target=work)
    worker.start()
    assert failed.wait(20)
    database_event.remove(engine, "before_cursor_execute", fail)
    deadline = time.monotonic() + 20
    while not stored_ids():
        assert time.monotonic() < deadline
    stop.set()
    worker.join(20)

    assert stored_ids() == [event.id]


def test_every_acknowledged_request_of_a_killed_writer_is_in_the_log_once(
    app: Flask, spool: Spool, reader: SpoolReader
) -> None:
    acknowledged: list[str] = []
    for wanted in (30, 400):
        with process(WRITER, str(spool.folder)) as writer:
            acknowledged += ids_of(writer, wanted)
            recorder.write_batch(reader, 100)
            writer.kill()
            acknowledged += rest_of(writer)

    recorder.drain(reader)

    stored = stored_ids()
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    assert len(stored) - len(acknowledged) <= 2


def test_nothing_doubles_or_is_lost_when_the_recorder_is_killed_again_and_again(
    app: Flask, observability_uri: str, spool: Spool
) -> None:
    with process(WRITER, str(spool.folder)) as writer:
        acknowledged = ids_of(writer, 50)
        for lines in (10, 40, 100):
            with process(RECORDER, observability_uri, str(spool.folder)) as killed:
                assert killed.stdout
                killed.stdout.readline()
                acknowledged += ids_of(writer, lines)
        writer.kill()
        acknowledged += rest_of(writer)
    with process(RECORDER, observability_uri, str(spool.folder)) as last:
        wait_until_empty(spool)
        last.send_signal(signal.SIGTERM)
        assert last.wait(20) == 0

    stored = stored_ids()
    assert session.scalar(select(func.count()).select_from(InferenceLog)) == len(set(stored))
    assert counted() == len(stored)
    assert set(acknowledged) <= set(stored)
    assert len(stored) - len(acknowledged) <= 1


def ids_of(writer: subprocess.Popen[str], many: int) -> list[str]:
    assert writer.stdout
    return [writer.stdout.readline().strip() for _ in range(many)]


def rest_of(writer: subprocess.Popen[str]) -> list[str]:
    assert writer.stdout
    return [line.strip() for line in writer.stdout if line.endswith("\n")]


def test_it_drains_and_leaves_when_its_parent_is_gone(
    app: Flask, observability_uri: str, spool: Spool
) -> None:
    with process(ORPHAN, RECORDER, observability_uri, str(spool.folder)) as parent:
        assert parent.stdout
        orphan = int(parent.stdout.readline())
        recorder.record_inference(event := make_event())
        parent.wait(20)
    deadline = time.monotonic() + 20
    reader = SpoolReader(spool.folder)
    while not reader.acquire():
        assert time.monotonic() < deadline, f"the recorder {orphan} stayed"
        time.sleep(0.02)
    recorder.drain(reader)

    assert stored_ids() == [event.id]


def test_it_leaves_when_its_parent_was_gone_before_it_began(app: Flask, spool: Spool) -> None:
    recorder.record_inference(event := make_event())
    another = os.getpid()  # nobody is their own parent

    recorder.run(spool.folder, retention_days=36500, stop=threading.Event(), parent=another)

    assert stored_ids() == [event.id]


def test_a_second_recorder_waits_for_the_first(app: Flask, spool: Spool) -> None:
    first = SpoolReader(spool.folder)
    assert first.acquire()
    recorder.record_inference(event := make_event())
    stop = threading.Event()

    def work() -> None:
        with app.app_context():
            recorder.run(spool.folder, retention_days=36500, stop=stop)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join(0.3)
    before = stored_ids()
    first.release()
    deadline = time.monotonic() + 20
    while not stored_ids():
        assert time.monotonic() < deadline
    stop.set()
    worker.join(20)

    assert before == []
    assert stored_ids() == [event.id]
