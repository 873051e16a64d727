"""What the audit asks of a row: which object it is, whose, what goes with it, what may be shown.

A mapped class says by ``__audit__`` that it is audited, and what it is called. A column with
``info={"secret": True}`` is named when it changes, but not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, inspect, select
from sqlalchemy.orm import Mapper, Session

from hyperstrate.shared import audit
from hyperstrate.shared.audit import HIDDEN
from hyperstrate.shared.db import Base

Row = dict[str, Any]
BOOKKEEPING = frozenset({
    "created_at", "modified_at", "last_login_at", "last_seen_at", "last_used_at",
    "previous_last_used_at", "tested_at", "test_latency_ms", "test_error",
})  # fmt: skip
MOST_CASCADED = 20
_NAMES = ("name", "email", "alias", "group_name", "feature_type", "type", "subject")


def kind_of(table: Any) -> str:
    """What people call the objects of a table; empty where they are not audited."""
    mapper = _mappers().get(table)
    return mapper.class_.__audit__ if mapper else ""


def _mappers() -> dict[Any, Mapper[Any]]:
    global _known
    if len(_known) < len(Base.metadata.tables):
        _known = {mapper.local_table: mapper for mapper in Base.registry.mappers}
    return _known


_known: dict[Any, Mapper[Any]] = {}


def id_of(table: Table, row: Mapping[Any, Any]) -> str:
    """The object's id; of an object that joins two others, both their ids."""
    return ":".join(str(row[column.name]) for column in table.primary_key)


def loaded(mapper: Mapper[Any], target: Any) -> Row:
    """The columns of an object, as far as they were read."""
    present = inspect(target).dict
    names = ((column.name, mapper.get_property_by_column(column).key) for column in mapper.columns)
    return {name: present[key] for name, key in names if key in present}


def stored(connection: Connection, table: Table, row: Mapping[str, Any]) -> Row:
    """The row as the database has it; empty when it is not there."""
    same = and_(*(column == row[column.name] for column in table.primary_key))
    found = connection.execute(select(table).where(same)).mappings().first()
    return dict(found or {})


def cascade(connection: Connection, table: Table, ids: Sequence[str]) -> dict[str, list[str]]:
    """What the database deletes along with the objects ``ids``: the first ids, by kind."""
    found: dict[str, list[str]] = {}
    for child in Base.metadata.tables.values():
        for key in child.foreign_key_constraints if kind_of(child) else ():
            if key.referred_table is table and key.ondelete == "CASCADE":
                own = select(*child.primary_key).where(key.columns[0].in_(ids))
                gone = [id_of(child, row) for row in connection.execute(own).mappings()]
                found.setdefault(kind_of(child), []).extend(gone)
                below = cascade(connection, child, gone) if gone else {}
                for kind, more in below.items():
                    found.setdefault(kind, []).extend(more)
    return {kind: _first(sorted(set(gone))) for kind, gone in found.items() if gone}


def _first(ids: list[str]) -> list[str]:
    rest = len(ids) - MOST_CASCADED
    return [*ids[:MOST_CASCADED], f"and {rest} more"] if rest > 0 else ids


def owner(unit: Session, table: Table, row: Row, known: Mapping[tuple[str, str], Row]) -> str:
    """The organization that an object belongs to, or its parent; empty: the installation.

    ``known``: rows that may be deleted already, by table and id.
    """
    if "org_id" in table.columns:
        return row.get("org_id") or ""
    for column in table.columns:
        for key in column.foreign_keys:
            parent = key.column.table
            above = _parent(unit, parent, row.get(column.name), known)
            if org_id := owner(unit, parent, above, known) if above else "":
                return org_id
    return ""


def _parent(unit: Session, table: Table, id: Any, known: Mapping[tuple[str, str], Row]) -> Row:
    row = known.get((table.name, str(id)))
    if row or id is None:
        return row or {}
    key = next(iter(table.primary_key))
    return dict(unit.execute(select(*table.columns).where(key == id)).mappings().first() or {})


def name_of(row: Row) -> str:
    """What people call the object."""
    found = next((str(row[name]) for name in _NAMES if row.get(name)), "")
    return str(audit.clean("", found))


def parents(table: Table, row: Row) -> dict[str, str]:
    """The ids of the objects that this one belongs to, by column."""
    links = [column.name for column in table.columns if column.foreign_keys]
    return {name: row[name] for name in links if name != "org_id" and row.get(name)}


def shown(table: Table, row: Row) -> Row:
    """The columns as people may read them."""
    return {
        name: _cell(table, name, value) for name, value in row.items() if name not in BOOKKEEPING
    }


def _cell(table: Table, name: str, value: Any) -> Any:
    if not table.columns[name].info.get("secret"):
        return audit.clean("", value)
    if isinstance(value, dict):
        return dict.fromkeys(value, HIDDEN)
    if isinstance(value, list):
        return [HIDDEN] * len(value)
    return HIDDEN if value else value
