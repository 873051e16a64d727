"""Keeps what was done and refused: rows in their chains, in the transaction they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hyperstrate.observability import audit_chain
from hyperstrate.observability.audit_repeats import Repeats
from hyperstrate.shared import audit
from hyperstrate.shared.audit import Entry
from hyperstrate.shared.db import db, now, session
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.logging import mask

log = structlog.get_logger(__name__)
MAX_TEXT = 255
_repeats = Repeats()


def write(unit: Session, entries: Sequence[Entry]) -> None:
    """Append ``entries`` to their chains, in the transaction of ``unit``.

    Chains are locked in the order of their names, so that two writers of several never wait for
    each other.
    """
    by_chain: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        by_chain.setdefault(entry.org_id, []).append(_row(entry))
    for org_id in sorted(by_chain):
        audit_chain.append(unit, org_id, by_chain[org_id])


def _row(entry: Entry) -> dict[str, Any]:
    actor = entry.actor
    texts = {
        "actor_kind": actor.kind,
        "user_id": actor.id,
        "user_email": actor.name,
        "action": entry.action,
        "resource": entry.object_type,
        "resource_id": entry.object_id,
        "outcome": entry.outcome,
        "ip_address": actor.address,
        "user_agent": actor.user_agent,
        "request_id": actor.request_id,
    }
    return {
        "id": new_id("alog"),
        "created_at": entry.at,
        "details": orjson.dumps(dict(entry.detail), default=str).decode(),
        **{name: _storable(text) for name, text in texts.items()},
    }


def _storable(text: str) -> str:
    """Text that every database takes and every terminal shows; people paste keys anywhere."""
    kept = "".join(letter for letter in mask(text)[:MAX_TEXT] if letter.isprintable())
    return kept.encode("utf-8", "replace").decode()


def settle() -> None:
    """Keep what was refused in a request that is over, in a transaction of its own.

    It cannot be refused anything any more: what the database does not take is logged.
    """
    entries = _repeats.over(now().timestamp())
    for entry in audit.take_later():
        entries += _repeats.admit(entry) if entry.outcome == "refused" else [entry]
    if not entries:
        return
    session.rollback()  # SQLite has one writer
    try:
        with Session(db.engine) as unit, unit.begin():
            write(unit, entries)
    except SQLAlchemyError as error:
        said = [f"{entry.action} {entry.object_type} {entry.outcome}" for entry in entries]
        log.error("audit_not_written", entries=said, error=str(error))
