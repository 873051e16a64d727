"""Jobs outside of requests: done at least once, tried again with growing waits, kept on failure.

A job is a row that is written with its cause, in one transaction; it names a function and has
JSON, no code. Without Redis, threads of the recorder's process and of ``flask worker`` look for
the rows that are due. With Redis, RQ carries them to its workers, and the recorder's process hands
over those whose wait is over and what Redis has lost.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Protocol, TypeVar

import orjson
import structlog
from sqlalchemy import Index, String, Text, and_, bindparam, or_, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from hyperstrate.shared.db import (
    Base,
    UtcDateTime,
    after_commit,
    insert,
    now,
    session,
    type_id,
    unit_of_work,
)
from hyperstrate.shared.ids import new_id

F = TypeVar("F", bound=Callable[..., None])
Context = Callable[[], AbstractContextManager[object]]
log = structlog.get_logger(__name__)
THREADS = 4
LOOK_EVERY_S = 0.5
PAUSE_AFTER_ERROR_S = 5.0
LEAVE_WITHIN_S = 15.0
HAND_OVER_EVERY_S = 2.0
HAND_OVER_AT_ONCE = 200
KEEP_DONE = timedelta(days=1)
KEEP_FAILED = timedelta(days=30)
MAX_ERROR = 2000
OPEN = ("queued", "running")
_ROWS_ONLY = {"synchronize_session": False}


class QueuedJob(Base):
    """A job. ``status``: queued, running (until ``locked_until`` at most), done or failed.

    ``key`` is what may be queued only once; a job that is over stays until ``forget_at`` for it,
    and for people who look for what failed.
    """

    __tablename__ = "queued_jobs"
    __table_args__ = (
        Index(
            None,
            "run_at",
            postgresql_where=text("status IN ('queued', 'running')"),
            sqlite_where=text("status IN ('queued', 'running')"),
        ),
    )

    id: Mapped[str] = type_id("qjob")
    name: Mapped[str] = mapped_column(String(100))
    key: Mapped[str] = mapped_column(String(255), unique=True)
    payload: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20), default="queued")
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    forget_at: Mapped[datetime | None] = mapped_column(index=True)


_BEFORE = bindparam("before", type_=UtcDateTime())
_DUE = (
    select(QueuedJob.id, QueuedJob.name, QueuedJob.attempts)
    .where(
        or_(
            and_(QueuedJob.status == "queued", QueuedJob.run_at <= _BEFORE),
            and_(QueuedJob.status == "running", QueuedJob.locked_until <= _BEFORE),
        )
    )
    .order_by(QueuedJob.run_at)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class Run:
    """One try of a job; ``attempt`` counts from 1, ``job_id`` stays the same."""

    job_id: str
    attempt: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class _Kind:
    function: Callable[..., None]
    waits_s: tuple[float, ...]
    longest_s: float

    @property
    def tries(self) -> int:
        return len(self.waits_s) + 1


class Carrier(Protocol):
    """What brings the jobs to workers in other processes."""

    def hand_over(self, job_id: str, name: str, attempts: int, *, longest_s: float) -> bool:
        """Have ``perform(job_id, name, attempts)`` called; once. False when it is not possible."""

    def serve(self) -> None:
        """Be a worker, until SIGTERM or SIGINT."""


def _unknown(run: Run, **_: Any) -> None:
    raise LookupError("this version has no job of this name")


_kinds: dict[str, _Kind] = {}
_UNKNOWN = _Kind(_unknown, waits_s=(60.0, 600.0), longest_s=60.0)
_carrier: Carrier | None = None


def job(
    name: str,
    *,
    waits_s: Sequence[float] = (10, 60, 300, 1800),
    longest_s: float = 600,
) -> Callable[[F], F]:
    """Register a function as the job ``name``: called with a :class:`Run` and the payload.

    What it raises is a failure: it is tried again after each of ``waits_s``. A try that has not
    ended after ``longest_s`` counts as lost, and another one is made. A job runs at least once:
    it must not mind being done twice.
    """

    def register(function: F) -> F:
        _kinds[name] = _Kind(function, tuple(waits_s), longest_s)
        return function

    return register


def configure(redis_url: str, prefix: str) -> None:
    """Let RQ carry the jobs when ``redis_url`` is set."""
    global _carrier
    _carrier = None
    if redis_url:
        from hyperstrate.shared.queue_rq import RqCarrier  # takes long, and few need it

        _carrier = RqCarrier(redis_url, prefix)


def enqueue(name: str, *, delay_s: float = 0, key: str = "", **payload: Any) -> bool:
    """Queue a job in the present unit of work: it is there when that is committed, and only then.

    False when a job with this ``key`` was queued within the last day. Raises KeyError for a name
    that nobody registered, TypeError for a payload that is not JSON.
    """
    if name not in _kinds:
        raise KeyError(f"no job is registered as {name}")
    job_id = new_id("qjob")
    row = {
        "id": job_id,
        "name": name,
        "key": key or job_id,
        "payload": orjson.dumps(payload).decode(),
        "run_at": now() + timedelta(seconds=delay_s),
    }
    new = insert(QueuedJob).values(row).on_conflict_do_nothing().returning(QueuedJob.id)
    if session.scalar(new) is None:
        return False

    def carry() -> None:
        _hand_over(job_id, name, 0)

    if not delay_s:
        after_commit(carry)
    return True


def perform(job_id: str, name: str, attempts: int) -> None:
    """Make the next try of a job of which ``attempts`` were made, unless somebody else does.

    Needs an application context.
    """
    kind = _kinds.get(name, _UNKNOWN)
    payload = _claim(job_id, attempts, kind.longest_s)
    if payload is None:
        return
    run = Run(job_id, attempts + 1, is_last=attempts + 1 >= kind.tries)
    try:
        if run.attempt > kind.tries:
            raise RuntimeError("given up: the process ended during the last try")
        kind.function(run, **orjson.loads(payload))
    except Exception as error:
        session.rollback()
        _failed(run, name, kind, error)
    else:
        _settle(run, status="done", forget_at=now() + KEEP_DONE, error="")


def perform_next() -> bool:
    """Try the job that has been due for longest. False when none is."""
    due = _due(now(), limit=1)
    for waiting in due:
        perform(*waiting)
    return bool(due)


def hand_over_due() -> None:
    """Have carried what is due: its wait is over, or Redis was away, or has lost it."""
    for waiting in _due(now(), limit=HAND_OVER_AT_ONCE):
        if not _hand_over(*waiting):
            return


def failed(limit: int = 100) -> Sequence[QueuedJob]:
    """Jobs that were given up, newest first."""
    query = select(QueuedJob).where(QueuedJob.status == "failed")
    return session.scalars(query.order_by(QueuedJob.id.desc()).limit(limit)).all()


def _due(before: datetime, *, limit: int) -> list[tuple[str, str, int]]:
    """Id, name and attempts of jobs that nobody is at: those that wait, and those that got lost."""
    rows = session.execute(_DUE, {"before": before, "limit": limit})
    found = [(row.id, row.name, row.attempts) for row in rows]
    session.rollback()
    return found


def _claim(job_id: str, attempts: int, longest_s: float) -> str | None:
    """The payload, if this try is ours: whoever counts the attempt first has it."""
    claim = (
        update(QueuedJob)
        .where(QueuedJob.id == job_id, QueuedJob.attempts == attempts, QueuedJob.status.in_(OPEN))
        .values(
            status="running",
            attempts=attempts + 1,
            locked_until=now() + timedelta(seconds=longest_s),
        )
        .returning(QueuedJob.payload)
    )
    with unit_of_work():
        payload: str | None = session.scalar(claim, execution_options=_ROWS_ONLY)
    return payload


def _failed(run: Run, name: str, kind: _Kind, error: Exception) -> None:
    words = {"job": name, "job_id": run.job_id, "attempt": run.attempt, "error": str(error)}
    said = f"{type(error).__name__}: {error}".replace("\0", "\ufffd")[:MAX_ERROR]
    if run.is_last:
        log.error("job_given_up", **words, exc_info=error)
        _settle(run, status="failed", forget_at=now() + KEEP_FAILED, error=said)
        return
    wait_s = kind.waits_s[run.attempt - 1]
    log.warning("job_will_be_tried_again", **words, wait_s=wait_s)
    _settle(run, status="queued", run_at=now() + timedelta(seconds=wait_s), error=said)


def _settle(run: Run, **values: Any) -> None:
    """Write how the try ended, unless it took so long that another one has begun."""
    mine = update(QueuedJob).where(QueuedJob.id == run.job_id, QueuedJob.attempts == run.attempt)
    with unit_of_work():
        closing = mine.values(locked_until=None, **values)
        session.execute(closing, execution_options=_ROWS_ONLY)


def _hand_over(job_id: str, name: str, attempts: int) -> bool:
    """Let the next try be carried; without a carrier the row alone does it."""
    if _carrier is None:
        return True
    longest_s = _kinds.get(name, _UNKNOWN).longest_s
    return _carrier.hand_over(job_id, name, attempts, longest_s=longest_s)


@contextmanager
def looked_after(context: Context) -> Iterator[None]:
    """While this lasts, threads do what is due; with Redis, one sees to it that nothing gets lost.

    ``context()`` makes an application context; each thread has its own.
    """
    stop, looking = threading.Event(), threading.Lock()

    def perform_when_due() -> None:
        with looking:  # one of the threads does; the others are at work, or next
            while not _due(now(), limit=1):
                if stop.wait(LOOK_EVERY_S):
                    return
        perform_next()

    def hand_over_now_and_then() -> None:
        hand_over_due()
        stop.wait(HAND_OVER_EVERY_S)

    step = hand_over_now_and_then if _carrier else perform_when_due

    def work() -> None:
        with context():
            _repeat(step, stop)

    count = 1 if _carrier else THREADS
    threads = [threading.Thread(target=work, name="jobs", daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        deadline = monotonic() + LEAVE_WITHIN_S
        for thread in threads:
            thread.join(max(0.0, deadline - monotonic()))


def _repeat(step: Callable[[], None], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            step()
        except SQLAlchemyError as error:
            session.rollback()
            log.warning("jobs_unreadable", error=str(error))
            stop.wait(PAUSE_AFTER_ERROR_S)
        session.remove()


def serve(context: Context) -> None:
    """Do jobs until SIGTERM or SIGINT. Must not be monkey-patched."""
    if _carrier is not None:
        _carrier.serve()
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with looked_after(context):
        stop.wait()
