"""How this installation is, part by part; for the page, for REST and for ``flask doctor``."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from sqlalchemy import text

from hyperstrate import __version__
from hyperstrate.config import Config
from hyperstrate.observability import delivery
from hyperstrate.observability.health import Health, Part, Status
from hyperstrate.observability.ports import Ports
from hyperstrate.shared import queue_state, spool
from hyperstrate.shared.db import now, session
from hyperstrate.shared.formats import ms, number, size

Unit = Literal["", "bytes", "seconds", "number"]
RANKED: tuple[Status, ...] = ("unavailable", "degraded", "ok")
BEHIND_S = 60.0
LITTLE_SPACE_BYTES = 2**30
SKEW_S = 2.0
#: How a database tells its version and its size in bytes.
_OF_SQLITE = (
    text("SELECT sqlite_version()"),
    text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"),
)
_OF_POSTGRES = (
    text("SELECT current_setting('server_version')"),
    text("SELECT pg_database_size(current_database())"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is known of a part; ``value`` is None where there is nothing to tell."""

    name: str
    label: str
    value: Any
    unit: Unit = ""

    @property
    def words(self) -> str:
        """The value as people read it."""
        if self.unit == "bytes":
            return size(self.value)
        if self.unit == "seconds":
            return ms(None if self.value is None else self.value * 1000)
        return number(self.value) if self.unit == "number" else str(self.value)


@dataclass(frozen=True, slots=True)
class SystemPart:
    """A part of the installation; ``problem`` is empty while it works."""

    name: str
    label: str
    facts: Sequence[Fact] = ()
    problem: str = ""
    status: Status = "ok"


@dataclass(frozen=True, slots=True)
class System:
    """``status`` is that of the worst part."""

    status: Status
    parts: Sequence[SystemPart]


def look(config: Config, ports: Ports, health: Health) -> System:
    """All parts as they are now, seen from this process. Needs an application context."""
    ready = health.readiness().parts
    has_database, has_spool = (ready[name].status == "ok" for name in ("database", "spool"))
    found = [
        _server(config),
        _database(ports) if has_database else SystemPart("database", "Database"),
        _redis(config, ports),
        _spool(config.spool_dir) if has_spool else SystemPart("spool", "Recorder"),
        _limits(config, ports),
        *((_jobs(), _clock()) if has_database else ()),
    ]
    parts = [_judged(part, ready.get(part.name)) for part in found]
    worst = {part.status for part in parts}
    return System(next(status for status in RANKED if status in worst), parts)


def _judged(part: SystemPart, ready: Part | None) -> SystemPart:
    """With what the probe of readiness says of it; a problem that only we see is no outage."""
    if ready is not None and ready.problem:
        return replace(part, status=ready.status, problem=ready.problem)
    return replace(part, status="degraded" if part.problem else "ok")


def _server(config: Config) -> SystemPart:
    python = ".".join(map(str, sys.version_info[:3]))
    facts = (
        Fact("version", "Version", __version__),
        Fact("environment", "Environment", config.app_env),
        Fact("processes", "Server processes", config.web_concurrency, "number"),
        Fact("python", "Python", python),
    )
    return SystemPart("server", "Server", facts)


def _database(ports: Ports) -> SystemPart:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    kind, version, size = ("SQLite", *_OF_SQLITE) if is_sqlite else ("PostgreSQL", *_OF_POSTGRES)
    problem = ports.migration_problem()
    facts = (
        Fact("kind", "Kind", kind),
        Fact("version", "Version", session.scalar(version)),
        Fact("migration", "Tables", "not those of this version" if problem else "up to date"),
        Fact("sizeBytes", "Size", session.scalar(size), "bytes"),
    )
    return SystemPart("database", "Database", facts, problem)


def _redis(config: Config, ports: Ports) -> SystemPart:
    if not config.redis_url:
        return SystemPart("redis", "Redis", (Fact("link", "Link", "none; not needed"),))
    state = "left alone until it answers" if ports.redis_problem() else "answers"
    facts = (
        Fact("link", "Link", state),
        Fact("timesDegraded", "Done without it", ports.times_degraded(), "number"),
    )
    return SystemPart("redis", "Redis", facts)


def _spool(folder: str) -> SystemPart:
    waiting, oldest_s = spool.backlog(folder), _waits_s(spool.oldest_line(folder))
    disk, is_read = shutil.disk_usage(folder), spool.has_reader(folder)
    problems = (
        ("no process of this host records; what is finished waits", not is_read),
        ("the recorder is behind", oldest_s is not None and oldest_s > BEHIND_S),
        ("little space is left for SPOOL_DIR", disk.free < LITTLE_SPACE_BYTES),
    )
    facts = (
        Fact("recorder", "Recorder", "runs" if is_read else "does not run here"),
        Fact("backlogBytes", "Waiting", waiting.bytes, "bytes"),
        Fact("oldestLineSeconds", "Oldest waits for", oldest_s, "seconds"),
        Fact("freeBytes", "Free for SPOOL_DIR", disk.free, "bytes"),
        Fact("totalBytes", "Disk of SPOOL_DIR", disk.total, "bytes"),
    )
    problem = next((words for words, is_so in problems if is_so), "")
    return SystemPart("spool", "Recorder", facts, problem)


def _waits_s(line: bytes | None) -> float | None:
    """How long ago the request of a line began."""
    try:
        return None if line is None else max(0.0, time.time() - float(orjson.loads(line)["at"]))
    except (ValueError, KeyError, TypeError):
        return None


def _limits(config: Config, ports: Ports) -> SystemPart:
    if not config.redis_url:
        mode = "counted by this process, the only one"
    elif ports.redis_problem():
        mode = f"each of {config.web_concurrency} processes has its share"
    else:
        mode = "shared by all processes"
    is_own = config.redis_url and config.rate_limit_backend == "memory"
    facts = (
        Fact("limits", "Limits", "counted by each process for itself" if is_own else mode),
        Fact("budgets", "Budgets", mode),
    )
    return SystemPart("limits", "Limits and budgets", facts)


def _jobs() -> SystemPart:
    due, webhooks = queue_state.waiting(before=now()), queue_state.waiting(name=delivery.JOB)
    late_s = (now() - due.since).total_seconds() if due.since else None
    facts = (
        Fact("due", "Due", due.count, "number"),
        Fact("oldestDueSeconds", "Oldest due for", late_s, "seconds"),
        Fact("webhooks", "Webhooks waiting", webhooks.count, "number"),
        Fact("failed", "Given up lately", queue_state.count_failed(), "number"),
    )
    is_late = late_s is not None and late_s > BEHIND_S
    return SystemPart("jobs", "Jobs", facts, "no worker does what is due" if is_late else "")


def _clock() -> SystemPart:
    """The clock of this host, and how far that of the database is from it."""
    skew_s = 0.0
    if session.get_bind().dialect.name == "postgresql":
        there: datetime = session.scalar(text("SELECT clock_timestamp()"))
        skew_s = (there.astimezone(UTC) - now()).total_seconds()
    facts = (
        Fact("time", "Here", f"{now():%Y-%m-%dT%H:%M:%SZ}"),
        Fact("databaseSkewSeconds", "Database ahead by", skew_s, "seconds"),
    )
    is_apart = abs(skew_s) > SKEW_S
    return SystemPart("clock", "Clock", facts, "clocks are apart" if is_apart else "")
