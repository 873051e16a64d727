"""Finished requests: from the event into the spool, and from the spool into the log, once each."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic

import orjson
import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from hyperstrate.events import RequestsRecorded, RoutedInference, requests_recorded
from hyperstrate.observability import delivery, metrics, retention, rows, sums
from hyperstrate.observability.models import InferenceLog, InferencePayload
from hyperstrate.observability.ports import Ledger, NoLedger
from hyperstrate.observability.rows import Record
from hyperstrate.shared.bulk import insert_many, unknown
from hyperstrate.shared.db import after_commit, unit_of_work
from hyperstrate.shared.spool import Spool, SpoolReader

log = structlog.get_logger(__name__)
BATCH = 500
IDLE_S = 0.25
LONGEST_WAIT_S = 5.0
PURGE_EVERY_S = 3600.0
SWEEP_EVERY_S = 5.0
_spool: Spool | None = None
_ledger: Ledger = NoLedger()


def configure(spool: Spool, ledger: Ledger | None = None) -> None:
    """Set where :func:`record_inference` writes, and whose books are kept with the log."""
    global _spool, _ledger
    _spool, _ledger = spool, ledger or NoLedger()


def record_inference(event: RoutedInference) -> None:
    """Append the request to the spool; a line that cannot be written is logged and counted."""
    if _spool is None:
        raise RuntimeError("recorder.configure() must run before requests are recorded")
    try:
        _spool.append(line_of(event))
    except OSError as error:
        metrics.SPOOL_FAILURES.inc()
        log.error(
            "request_not_recorded",
            request_id=event.id,
            org_id=event.org_id,
            cost_usd=str(event.cost_usd),
            error=str(error),
        )


def line_of(event: RoutedInference) -> bytes:
    """The event as one line of JSON; money is text."""
    try:
        return orjson.dumps(event, default=str)
    except TypeError:  # a lone surrogate, which orjson refuses
        text = json.dumps(asdict(event), default=str, ensure_ascii=False)
        return text.encode("utf-8", "replace")


def drain(reader: SpoolReader, batch: int = BATCH) -> int:
    """Write everything that waits into the log; returns how many lines that were.

    Needs an application context. Raises what the database raises; nothing is lost then.
    """
    total = 0
    while written := write_batch(reader, batch):
        total += written
    return total


def write_batch(reader: SpoolReader, size: int = BATCH) -> int:
    """Write the next lines, at most ``size``: first the commit, then the reader's position."""
    batch = reader.read(size)
    if not batch.lines:
        return 0
    records = _readable(reader, batch.lines)
    try:
        _store(records)
    except (StatementError, OverflowError) as error:
        if not _is_refusal(error):
            raise
        _store_singly(reader, records)
    reader.commit(batch)
    return len(batch.lines)


def _readable(reader: SpoolReader, lines: Sequence[bytes]) -> list[Record]:
    records = []
    for line in lines:
        try:
            records.append(rows.read(line))
        except Exception as error:
            reader.reject(line, repr(error))
    return records


def _store(records: Sequence[Record]) -> None:
    """A line may be read twice: what is there already stays."""
    logs = [record.log for record in records]
    payloads = [record.payload for record in records if record.payload]
    with unit_of_work():
        new = unknown(InferenceLog.id, logs)
        insert_many(InferenceLog, new)
        insert_many(InferencePayload, unknown(InferencePayload.log_id, payloads))
        sums.add(new)
        _ledger.write(logs)
        delivery.queue_those_of(records)
        after_commit(lambda: requests_recorded.emit(RequestsRecorded(_keys_used(records))))


def _store_singly(reader: SpoolReader, records: Sequence[Record]) -> None:
    """The database refused something in the batch: find it, and keep the rest."""
    for record in records:
        try:
            _store([record])
        except (StatementError, OverflowError) as error:
            if not _is_refusal(error):
                raise
            reader.reject(record.line, repr(error.args[0]))


def _is_refusal(error: Exception) -> bool:
    """The database works, and will never take this value."""
    return isinstance(error, DataError | IntegrityError) or not isinstance(error, DBAPIError)


def _keys_used(records: Sequence[Record]) -> dict[tuple[str, str, str], datetime]:
    used: dict[tuple[str, str, str], datetime] = {}
    for record in records:
        key, at = record.key_used, record.log["created_at"]
        if key is not None:
            used[key] = max(at, used.get(key, at))
    return used


def run(
    folder: str | Path,
    *,
    retention_days: int,
    audit_days: int = 365,
    stop: threading.Event | None = None,
    parent: int | None = None,
) -> None:
    """Record until ``stop`` is set or the parent process is gone, then what is still there.

    Left out, ``stop`` is set by SIGTERM and SIGINT; ``parent`` is whose child this is now. Waits
    while another process of this host records. Needs an application context, and must not be
    monkey-patched.
    """
    stop = stop or _stop_on_signals()
    parent = parent or os.getppid()
    reader = SpoolReader(folder)
    while not reader.acquire():
        if stop.wait(0.5) or os.getppid() != parent:
            return
    try:
        routine = _Routine(
            _Duty(SWEEP_EVERY_S, lambda: _ledger.sweep()),
            _Duty(PURGE_EVERY_S, lambda: _purge(retention_days, audit_days)),
        )
        _work(reader, routine, stop=stop, parent=parent)
    finally:
        reader.release()


def _purge(log_days: int, audit_days: int) -> None:
    retention.purge(log_days)
    retention.purge_audit(audit_days)


@dataclass
class _Duty:
    """What is to be done now and then."""

    every_s: float
    action: Callable[[], None]
    due: float = 0.0


class _Routine:
    """What the recorder does besides recording."""

    def __init__(self, *duties: _Duty) -> None:
        self._duties = duties

    def do_what_is_due(self) -> None:
        for duty in self._duties:
            if monotonic() >= duty.due:
                duty.action()
                duty.due = monotonic() + duty.every_s


def _work(reader: SpoolReader, routine: _Routine, *, stop: threading.Event, parent: int) -> None:
    failures = 0
    while True:
        is_leaving = stop.is_set() or os.getppid() != parent
        try:
            written = write_batch(reader)
            if not is_leaving:
                routine.do_what_is_due()
        except Exception as error:
            log.error("recorder_failed", error=str(error), exc_info=not failures)
            if is_leaving:
                return
            failures += 1
            stop.wait(min(IDLE_S * 2**failures, LONGEST_WAIT_S))
            continue
        failures = 0
        if not written and is_leaving:
            return
        if written < BATCH and not is_leaving:  # few at a time would cost a commit each
            stop.wait(IDLE_S)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop
