"""Whether this installation works, part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from hyperstrate.shared.db import session
from hyperstrate.shared.spool import Spool, SpoolError, backlog

Status = Literal["ok", "degraded", "unavailable"]


@dataclass(frozen=True, slots=True)
class Part:
    """``problem`` is empty when the part works."""

    status: Status
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    status: Status
    parts: dict[str, Part]
    backlog_bytes: int


class Health:
    """Knows whether this process has seen its database: then cached keys and plans go on."""

    def __init__(self, spool: Spool, redis_problem: Callable[[], str]) -> None:
        self._spool = spool
        self._redis_problem = redis_problem
        self._has_seen_database = False

    def readiness(self) -> Readiness:
        """``degraded``: requests are still answered. Needs an application context."""
        parts = {"database": self._database(), "spool": self._spool_part(), "redis": self._redis()}
        found = {part.status for part in parts.values()}
        worst: Status = next(
            (status for status in ("unavailable", "degraded") if status in found), "ok"
        )
        is_usable = parts["spool"].status == "ok"
        return Readiness(worst, parts, backlog(self._spool.folder).bytes if is_usable else 0)

    def _database(self) -> Part:
        try:
            session.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            problem = type(error).__name__
            return Part("degraded" if self._has_seen_database else "unavailable", problem)
        finally:
            session.rollback()
        self._has_seen_database = True
        return Part("ok")

    def _spool_part(self) -> Part:
        try:
            self._spool.check()
        except SpoolError:
            return Part("unavailable", "cannot be written")
        return Part("ok")

    def _redis(self) -> Part:
        problem = self._redis_problem()
        return Part("degraded", problem) if problem else Part("ok")
