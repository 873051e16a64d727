"""Collects what a unit of work changes: one entry per object, however often it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import Table
from sqlalchemy.orm import Session

from hyperstrate.shared import audit, audit_rows
from hyperstrate.shared.audit import HIDDEN, Entry
from hyperstrate.shared.audit_rows import BOOKKEEPING, Row

Kind = Literal["create", "update", "delete"]
Key = tuple[str, str]
_CHANGES = "audit_changes"


@dataclass(slots=True)
class Change:
    """What happened to one object: ``row`` is all of it, ``before`` and ``after`` what changed."""

    table: Table
    kind: Kind
    row: Row
    before: Row = field(default_factory=dict)
    after: Row = field(default_factory=dict)
    cascade: dict[str, list[str]] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.table.name, audit_rows.id_of(self.table, self.row)

    def followed_by(self, later: Change) -> Change | None:
        """Both as one; None when nothing is left of them."""
        if (self.kind, later.kind) == ("create", "delete"):
            return None
        was_there = self.kind == "create", later.kind == "delete"
        kind: Kind = "create" if was_there[0] else "delete" if was_there[1] else "update"
        return Change(
            self.table,
            kind,
            row={**self.row, **later.row},
            before={**later.before, **self.before},
            after={} if later.kind == "delete" else {**self.after, **later.after},
            cascade=later.cascade,
        )

    def narrowed(self) -> Change | None:
        """Only the columns that an update changed; None when there are none."""
        if self.kind != "update":
            return self
        names = [
            name
            for name, value in self.after.items()
            if name not in BOOKKEEPING and self.before.get(name, ...) != value
        ]
        before = {name: self.before[name] for name in names if name in self.before}
        after = {name: self.after[name] for name in names}
        return replace(self, before=before, after=after) if names else None


def of(unit: Session) -> dict[Key, Change]:
    """What the present unit of work changed until now."""
    found: dict[Key, Change] = unit.info.setdefault(_CHANGES, {})
    return found


def put(unit: Session, changes: dict[Key, Change]) -> None:
    """Go back to an earlier state of the unit of work."""
    unit.info[_CHANGES] = changes


def add(unit: Session, change: Change) -> None:
    """Take note of a change."""
    changes = of(unit)
    earlier = changes.pop(change.key, None)
    both = earlier.followed_by(change) if earlier else change
    if both is not None:
        changes[both.key] = both


def compare(
    unit: Session,
    table: Table,
    before: Mapping[str, Row],
    after: Mapping[str, Row],
    cascade_of: Callable[[str], dict[str, list[str]]],
) -> None:
    """Take note of what a statement did, by the rows before and after it."""
    for object_id in {**before, **after}:
        old, new = before.get(object_id), after.get(object_id)
        if old is None and new is not None:
            add(unit, Change(table, "create", new, after=new))
        elif new is None and old is not None:
            gone = cascade_of(object_id)
            add(unit, Change(table, "delete", old, before=old, cascade=gone))
        elif old is not None and new is not None:
            change = Change(table, "update", new, before=old, after=new).narrowed()
            if change:
                add(unit, change)


def take(unit: Session) -> list[Entry]:
    """The entries of this unit of work. What was said of an object has its before and after."""
    changes: dict[Key, Change] = unit.info.pop(_CHANGES, {})
    made = _entries(unit, changes) if changes else {}
    said = []
    for entry in audit.take_waiting(unit):
        key = (entry.object_type, entry.object_id)
        if key in made and made[key].action in ("update", entry.action):
            entry = replace(entry, detail={**made.pop(key).detail, **entry.detail})
        said.append(entry)
    return [*made.values(), *said]


def _entries(unit: Session, changes: Mapping[Key, Change]) -> dict[Key, Entry]:
    actor = audit.who()
    rows = {key: change.row for key, change in changes.items()}
    narrowed = filter(None, (change.narrowed() for change in changes.values()))
    made = [_entry(unit, change, rows, actor) for change in narrowed]
    return {(entry.object_type, entry.object_id): entry for entry in made}


def _entry(unit: Session, change: Change, rows: Mapping[Key, Row], actor: audit.Actor) -> Entry:
    table = change.table
    before, after = (audit_rows.shown(table, row) for row in (change.before, change.after))
    hidden = [name for name in before.keys() & after.keys() if before[name] == after[name]]
    detail: Row = {
        "name": audit_rows.name_of(change.row),
        "parents": audit_rows.parents(table, change.row),
        "before": before,
        "after": after | dict.fromkeys(hidden, f"{HIDDEN} (changed)"),
        "cascade": change.cascade,
    }
    object_type, object_id = audit_rows.kind_of(table), change.key[1]
    is_own = object_type == "organization" and change.kind == "update"  # its admin looks for it
    return Entry(
        change.kind,
        actor,
        org_id=object_id if is_own else audit_rows.owner(unit, table, change.row, rows),
        object_type=object_type,
        object_id=object_id,
        detail={name: value for name, value in detail.items() if value},
    )


def forget(unit: Session) -> None:
    """Nothing of it happened."""
    unit.info.pop(_CHANGES, None)
    audit.take_waiting(unit)


def is_watched(table: Any) -> bool:
    """Whether changes of this table are to be noted at all."""
    return audit.is_kept() and bool(audit_rows.kind_of(table))
