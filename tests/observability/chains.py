"""What the tests of the audit share: its rows, and hands that tamper with them."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import delete, select, update

from hyperstrate.observability import audit
from hyperstrate.observability.models import AuditChain, AuditLog
from hyperstrate.shared.audit import Actor, Entry
from hyperstrate.shared.db import session, unit_of_work

ADA = Actor("person", "user_ada", "ada@example.com", "org_acme", "192.0.2.1", "curl/8", "req_1")


def make_entry(**changes: Any) -> Entry:
    values: dict[str, Any] = {"action": "create", "actor": ADA, "org_id": "org_acme"}
    return Entry(**{**values, "object_type": "team", "object_id": "team_1", **changes})


def keep(*entries: Entry) -> None:
    """Write ``entries``, each in a transaction of its own."""
    for entry in entries:
        with unit_of_work():
            audit.write(session(), [entry])


def rows(org_id: str = "org_acme") -> list[AuditLog]:
    """A chain, oldest first."""
    session.rollback()
    query = select(AuditLog).where(AuditLog.org_id == org_id).order_by(AuditLog.seq)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def details(row: AuditLog) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(row.details)
    return found


def tamper(at: int, **values: Any) -> None:
    """Change a row, as somebody with a database client does."""
    with unit_of_work():
        session.execute(update(AuditLog).where(AuditLog.seq == at).values(**values))


def remove(*seqs: int) -> None:
    with unit_of_work():
        session.execute(delete(AuditLog).where(AuditLog.seq.in_(seqs)))


def move_head(**values: Any) -> None:
    with unit_of_work():
        session.execute(update(AuditChain).values(**values))
