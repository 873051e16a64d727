"""Rows by the hundred, for the tables that grow with every request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, cast

from sqlalchemy import Column, Table, select
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from hyperstrate.shared.db import INSERTS, Base, session

Row: TypeAlias = Mapping[str, Any]


def unknown(key: InstrumentedAttribute[str], rows: Sequence[Row]) -> list[Row]:
    """Those of ``rows`` whose ``key`` the table does not have, each once."""
    by_key = {row[key.key]: row for row in rows}
    known = set(session.scalars(select(key).where(key.in_(by_key)))) if by_key else set()
    return [row for value, row in by_key.items() if value not in known]


def insert_many(table: type[Base], rows: Sequence[Row]) -> None:
    """Insert ``rows``, which all name the same columns; the others get their plain defaults.

    The driver's executemany, without the session's work on every value: five times as quick.
    Raises what SQLAlchemy's own insert raises.
    """
    if not rows:
        return
    connection = session.connection()
    statement = _statement(table, connection.dialect, tuple(rows[0]))
    connection.exec_driver_sql(statement.sql, [statement.values(row) for row in rows])


def add_many(
    table: type[Base], rows: Sequence[Row], *, key: tuple[str, ...], amounts: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Add the ``amounts`` of ``rows`` to the table's rows of the same ``key``, or begin them.

    Returns what the table has for them now, in any order. Writers that come with sorted rows wait
    for each other, and never in a circle.
    """
    if not rows:
        return []
    connection = session.connection()
    statement = _addition(table, connection.dialect.name, key, amounts)
    return [dict(row) for row in connection.execute(statement, rows).mappings()]


@lru_cache(maxsize=32)
def _addition(
    table: type[Base], dialect_name: str, key: tuple[str, ...], amounts: tuple[str, ...]
) -> Any:
    columns = table.__table__.columns
    first = INSERTS[dialect_name](table.__table__)
    sums = {name: columns[name] + first.excluded[name] for name in amounts}
    return first.on_conflict_do_update(index_elements=key, set_=sums).returning(*columns)


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    names: tuple[str, ...]
    defaults: Row
    converters: tuple[tuple[int, Callable[[Any], Any]], ...]

    def values(self, row: Row) -> tuple[Any, ...]:
        row = {**self.defaults, **row}
        values = [row[name] for name in self.names]
        try:
            for place, convert in self.converters:
                values[place] = convert(values[place])
        except Exception as error:
            raise StatementError(str(error), self.sql, None, error) from error
        return tuple(values)


@lru_cache(maxsize=32)
def _statement(table: type[Base], dialect: Dialect, given: tuple[str, ...]) -> _Statement:
    columns = cast(Table, table.__table__).columns
    defaults = {
        column.name: column.default.arg
        for column in columns
        if isinstance(column.default, ScalarElementColumnDefault) and column.name not in given
    }
    names = (*given, *defaults)
    style: Any = "qmark" if dialect.paramstyle == "qmark" else "format"
    positional = cast(Any, type(dialect))(paramstyle=style)
    compiled = INSERTS[dialect.name](table).compile(dialect=positional, column_keys=names)
    names = tuple(compiled.positiontup)
    converters = [(place, _converter(columns[name], dialect)) for place, name in enumerate(names)]
    return _Statement(
        sql=str(compiled),
        names=names,
        defaults=defaults,
        converters=tuple((place, convert) for place, convert in converters if convert),
    )


def _converter(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    return column.type.dialect_impl(dialect).bind_processor(dialect)
