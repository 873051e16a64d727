"""Watches the sessions: no row of an audited table is written without a note of it.

Objects are seen as they are flushed, UPDATE, DELETE and INSERT statements as they are executed.
What is written past the session, by a connection or as text, is not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, and_, event, inspect, or_, select
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, SessionTransaction, object_session

from hyperstrate.shared import audit, audit_changes, audit_rows
from hyperstrate.shared.audit_changes import Change
from hyperstrate.shared.audit_rows import Row

_SAVEPOINTS = "audit_savepoints"
_AT_ONCE = 200


def watch() -> None:
    """Watch all sessions from now on; calling it again changes nothing."""
    for target, name, listener in _LISTENERS:
        if not event.contains(target, name, listener):
            event.listen(target, name, listener)


def _inserted(mapper: Mapper[Any], _connection: Connection, target: Any) -> None:
    table: Any = mapper.local_table
    if audit_changes.is_watched(table):
        row = audit_rows.loaded(mapper, target)
        _note(target, Change(table, "create", row, after=row))


def _updating(mapper: Mapper[Any], connection: Connection, target: Any) -> None:
    table: Any = mapper.local_table
    if not audit_changes.is_watched(table):
        return
    row = audit_rows.loaded(mapper, target)
    before, after = _differences(mapper, target)
    if not after:
        return
    unread = [name for name in after if name not in before]
    if unread:
        kept = audit_rows.stored(connection, table, row)
        before |= {name: kept[name] for name in unread if name in kept}
    _note(target, Change(table, "update", row, before, after))


def _differences(mapper: Mapper[Any], target: Any) -> tuple[Row, Row]:
    """The changed columns before and after; before without those that nobody had read."""
    before, after, attributes = {}, {}, inspect(target).attrs
    for column in mapper.columns:
        history = attributes[mapper.get_property_by_column(column).key].history
        if history.added:
            after[column.name] = history.added[0]
        if history.added and history.deleted:
            before[column.name] = history.deleted[0]
    return before, after


def _deleting(mapper: Mapper[Any], connection: Connection, target: Any) -> None:
    table: Any = mapper.local_table
    if not audit_changes.is_watched(table):
        return
    row = audit_rows.loaded(mapper, target)
    if len(row) < len(table.columns):
        row = audit_rows.stored(connection, table, row) | row
    gone = audit_rows.cascade(connection, table, [audit_rows.id_of(table, row)])
    _note(target, Change(table, "delete", row, before=row, cascade=gone))


def _note(target: Any, change: Change) -> None:
    unit = object_session(target)
    if unit is not None:
        audit_changes.add(unit, change)


def _executing(state: ORMExecuteState) -> Any:
    if state.is_select or not (state.is_update or state.is_delete or state.is_insert):
        return None
    table = getattr(state.statement, "table", None)
    if not audit_changes.is_watched(table):
        return None
    return _compared(state, table)


def _compared(state: ORMExecuteState, table: Any) -> Any:
    """Execute a statement, and look at its rows before and after."""
    unit = state.session
    if state.is_insert or not isinstance(state.parameters or {}, Mapping):
        keys = _keys_of(state, table)
        before = _by_key(unit, table, keys)
    else:
        where = getattr(state.statement, "whereclause", None)
        query = select(*table.columns)
        query = query if where is None else query.where(where)
        found = unit.execute(query, state.parameters or {}).mappings()
        keys = before = {audit_rows.id_of(table, row): dict(row) for row in found}
    cascades = {
        object_id: audit_rows.cascade(unit.connection(), table, [object_id])
        for object_id in (before if state.is_delete else ())
    }
    result = state.invoke_statement()
    after = _by_key(unit, table, keys)
    audit_changes.compare(unit, table, before, after, lambda id: cascades.get(id, {}))
    return result


def _keys_of(state: ORMExecuteState, table: Table) -> dict[str, Row]:
    """The rows that a statement names. Raises TypeError when it does not say their primary keys."""
    statement: Any = state.statement
    given: Any = state.parameters or statement.compile().params
    rows = [given] if isinstance(given, Mapping) else given
    try:
        return {audit_rows.id_of(table, row): dict(row) for row in rows}
    except KeyError as error:
        raise TypeError(f"{table.name} is audited: name the {error} of its rows") from None


def _by_key(unit: Session, table: Table, rows: Mapping[str, Row]) -> dict[str, Row]:
    """The rows with the primary keys of ``rows``, as they are now."""
    wanted = list(rows.values())
    found: dict[str, Row] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        own = or_(*_same(table, wanted[start : start + _AT_ONCE]))
        for row in unit.execute(select(*table.columns).where(own)).mappings():
            found[audit_rows.id_of(table, row)] = dict(row)
    return found


def _same(table: Table, rows: Iterable[Row]) -> list[Any]:
    return [and_(*(column == row[column.name] for column in table.primary_key)) for row in rows]


def _committing(unit: Session) -> None:
    """The last thing in a transaction: what it changed is written down in it."""
    if not audit.is_kept() or unit.in_nested_transaction():
        return
    unit.flush()
    unit.info.pop(_SAVEPOINTS, None)
    entries = audit_changes.take(unit)
    if entries:
        audit.keep(unit, entries)


def _began(unit: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        kept = unit.info.setdefault(_SAVEPOINTS, {})
        kept[transaction] = dict(audit_changes.of(unit))


def _rolled_back(unit: Session, previous: SessionTransaction) -> None:
    """A savepoint takes back what came after it, a transaction all."""
    kept = unit.info.get(_SAVEPOINTS, {})
    if previous in kept:
        audit_changes.put(unit, kept.pop(previous))
    elif previous.parent is None:
        audit_changes.forget(unit)
        unit.info.pop(_SAVEPOINTS, None)


_LISTENERS: tuple[tuple[Any, str, Any], ...] = (
    (Mapper, "after_insert", _inserted),
    (Mapper, "before_update", _updating),
    (Mapper, "before_delete", _deleting),
    (Session, "do_orm_execute", _executing),
    (Session, "before_commit", _committing),
    (Session, "after_transaction_create", _began),
    (Session, "after_soft_rollback", _rolled_back),
)
