"""The chains of audit rows: each row is sealed with the one before it, and can be proved.

A chain can be proved as long as its head is known: who keeps ``seq`` and ``hash`` elsewhere can
even tell when somebody wrote all of it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Row, delete, func, select, union, update
from sqlalchemy.orm import Session

from hyperstrate.observability.models import AuditChain, AuditLog
from hyperstrate.shared import audit
from hyperstrate.shared.db import insert, session

BEGINNING = "0" * 64
PURGED = ("audit", "purge")
BATCH = 1000
_NOTHING_PURGED = orjson.dumps({"through": 0, "hash": BEGINNING})
_COLUMNS = AuditLog.__table__.columns
_ROWS_ONLY = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a chain. ``problem`` is empty where all is well, else ``at`` is the first
    row that is wrong. ``rows`` were looked at; the head is the end of the chain."""

    org_id: str
    rows: int
    seq: int
    hash: str
    problem: str = ""
    at: int = 0

    @property
    def is_whole(self) -> bool:
        return not self.problem


def append(unit: Session, org_id: str, rows: Sequence[dict[str, Any]]) -> None:
    """Put ``rows`` at the end of a chain, in the transaction of ``unit``.

    Other writers of this chain wait until that transaction is over.
    """
    last, previous = _taken(unit, org_id, len(rows))
    for seq, row in enumerate(rows, last - len(rows) + 1):
        row |= {"org_id": org_id, "seq": seq, "prev_hash": previous}
        row["hash"] = previous = digest(row)
    unit.execute(AuditLog.__table__.insert(), rows)  # type: ignore[attr-defined]
    _set(unit, org_id, hash=previous)


def _taken(unit: Session, org_id: str, count: int) -> tuple[int, str]:
    """Lock the chain and take the next numbers: the last of them, and the hash of the end."""
    take = (
        update(AuditChain)
        .where(AuditChain.org_id == org_id)
        .values(seq=AuditChain.seq + count)
        .returning(AuditChain.seq, AuditChain.hash)
    )
    found = unit.execute(take, execution_options=_ROWS_ONLY).first()
    if found is None:
        new = {"org_id": org_id, "hash": BEGINNING, "purged_hash": BEGINNING}
        unit.execute(insert(AuditChain).values(seq=0, purged_seq=0, **new).on_conflict_do_nothing())
        found = unit.execute(take, execution_options=_ROWS_ONLY).one()
    return found.seq, found.hash


def _set(unit: Session, org_id: str, **values: Any) -> None:
    statement = update(AuditChain).where(AuditChain.org_id == org_id).values(**values)
    unit.execute(statement, execution_options=_ROWS_ONLY)


def digest(row: Mapping[Any, Any]) -> str:
    """SHA-256 of all columns but ``hash``, as JSON with sorted names; times in microseconds."""
    told = {column.name: row[column.name] for column in _COLUMNS if column.name != "hash"}
    told["created_at"] = f"{row['created_at'].astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def chains() -> list[str]:
    """The organizations that have a chain; "" is the installation's."""
    known = union(select(AuditChain.org_id), select(AuditLog.org_id).distinct())
    return sorted(session.scalars(known))


def verify(org_id: str) -> Verdict:
    """Walk a chain from its first row to its head."""
    found = _walk(org_id)
    head = session.get(AuditChain, org_id, populate_existing=True)
    if found.problem and head and head.purged_seq >= found.at:
        return _walk(org_id)  # old rows were purged meanwhile
    return found


def _walk(org_id: str) -> Verdict:
    top = session.scalar(select(func.max(AuditLog.seq)).where(AuditLog.org_id == org_id)) or 0
    head = session.get(AuditChain, org_id, populate_existing=True)
    if head is None:
        problem = "the head of the chain is gone" if top else ""
        return Verdict(org_id, 0, top, "", problem, top)
    seq, previous, rows, purged = head.purged_seq, head.purged_hash, 0, _NOTHING_PURGED
    for row in _rows(org_id, head.seq):
        problem = _problem(row, seq + 1, previous)
        if problem:
            return Verdict(org_id, rows, head.seq, head.hash, problem, min(row.seq, seq + 1))
        seq, previous, rows = row.seq, row.hash, rows + 1
        purged = row.details if (row.resource, row.action) == PURGED else purged
    problem = _problem_at_end(head, seq, previous, top)
    if not problem and orjson.loads(purged) != _purged(head):
        return Verdict(org_id, rows, head.seq, head.hash, "no purge says that it may be gone", 1)
    return Verdict(org_id, rows, head.seq, head.hash, problem, seq + 1 if problem else 0)


def _purged(head: AuditChain) -> dict[str, Any]:
    """What the row about the last purge says."""
    return {"through": head.purged_seq, "hash": head.purged_hash}


def _rows(org_id: str, until: int) -> Iterator[Row[Any]]:
    after = 0
    while True:
        query = (
            select(*_COLUMNS)
            .where(AuditLog.org_id == org_id, AuditLog.seq > after, AuditLog.seq <= until)
            .order_by(AuditLog.seq)
            .limit(BATCH)
        )
        batch = session.execute(query).all()
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1].seq


def _problem(row: Row[Any], expected: int, previous: str) -> str:
    if row.seq > expected:
        return "it is missing: it was deleted"
    if row.seq < expected:
        return "it was purged, and stands there again"
    if digest(row._mapping) != row.hash:
        return "it was changed after it was written"
    if row.prev_hash != previous:
        return "it does not follow the row before it: rows were exchanged"
    return ""


def _problem_at_end(head: AuditChain, seq: int, previous: str, top: int) -> str:
    if seq < head.seq:
        return "it is missing: the end of the chain was cut off"
    if top > head.seq:
        return "it was added past the head of the chain"
    return "" if previous == head.hash else "the head of the chain was changed"


def purge(org_id: str, before: datetime) -> int:
    """Delete the rows older than ``before``; how many went. What proves the rest is kept, and said
    in a row of the chain.

    Rows go from the beginning of the chain on, so that no gap is left.
    """
    own = AuditLog.org_id == org_id
    kept = select(func.min(AuditLog.seq)).where(own, AuditLog.created_at >= before)
    first_kept = session.scalar(kept)
    old = select(AuditLog.seq, AuditLog.hash).where(own).order_by(AuditLog.seq.desc()).limit(1)
    if first_kept is not None:
        old = old.where(AuditLog.seq < first_kept)
    last = session.execute(old).first()
    if last is None:
        return 0
    _set(session(), org_id, purged_seq=last.seq, purged_hash=last.hash)
    gone: Any = session.execute(
        delete(AuditLog).where(own, AuditLog.seq <= last.seq), execution_options=_ROWS_ONLY
    )
    detail = {"through": last.seq, "hash": last.hash}
    audit.log(PURGED[1], org_id=org_id, object_type=PURGED[0], detail=detail)
    return int(gone.rowcount)
