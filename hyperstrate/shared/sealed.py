"""The secrets at rest of all tables: under which keys they are, and how they get the newest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Row, Table, select, update

from hyperstrate.shared import audit, crypto
from hyperstrate.shared.db import Base, session, unit_of_work
from hyperstrate.shared.errors import AppError

BATCH = 200


@dataclass(frozen=True, slots=True)
class Census:
    """How many secrets there are. ``by_key``: under each of SECRET_KEYS, the newest first."""

    by_key: tuple[int, ...]
    unreadable: int

    @property
    def newest(self) -> int:
        return self.by_key[0]

    @property
    def older(self) -> int:
        return sum(self.by_key[1:])


@dataclass(frozen=True, slots=True)
class Resealed:
    """What one transaction did to a table. ``unreadable``: ids of rows that no key opens."""

    table: str
    secrets: int
    unreadable: tuple[str, ...]


def census() -> Census:
    """Look at every secret."""
    ages: Counter[int | None] = Counter()

    def note(secret: str) -> str:
        ages[crypto.age(secret)] += 1
        return secret

    for _table, columns in _places():
        for row in session.execute(select(*columns).execution_options(yield_per=BATCH)):
            for value in row:
                _mapped(value, note)
    return Census(tuple(ages[number] for number in range(crypto.count_keys())), ages[None])


def reseal(size: int = BATCH) -> Iterator[Resealed]:
    """Seal everything with the newest key, ``size`` rows a transaction; yields after each.

    What is sealed with it already stays as it is, so that one can stop and begin again.
    """
    for table, columns in _places():
        last = ""
        while True:
            with unit_of_work():
                rows = _rows(table, columns, last, size)
                done = _reseal(table, rows)
            if done.secrets or done.unreadable:
                yield done
            if len(rows) < size:
                break
            last = rows[-1][0]


def _places() -> Iterator[tuple[Table, list[Column[Any]]]]:
    """Each table that has secrets, and their columns."""
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if column.info.get("sealed")]
        if columns:
            yield table, columns


def _rows(table: Table, columns: Sequence[Column[Any]], last: str, size: int) -> Sequence[Row[Any]]:
    (key,) = table.primary_key.columns
    wanted = select(key, *columns).where(key > last).order_by(key).limit(size)
    return session.execute(wanted).all()


def _reseal(table: Table, rows: Sequence[Row[Any]]) -> Resealed:
    secrets, unreadable = 0, []
    for row in rows:
        count, is_whole = _reseal_row(table, row)
        secrets += count
        unreadable += [] if is_whole else [row[0]]
    if secrets or unreadable:
        detail = {"resealed": secrets, "unreadable": unreadable}
        audit.log("rotate", object_type="secrets", object_id=table.name, detail=detail)
    return Resealed(table.name, secrets, tuple(unreadable))


def _reseal_row(table: Table, row: Row[Any]) -> tuple[int, bool]:
    """How many of its secrets got the newest key, and whether all of them can be read.

    A row that somebody else changed meanwhile is left to them.
    """
    found = _Newest()
    old: dict[str, Any] = dict(zip(row._fields[1:], row[1:], strict=True))
    new = {name: _mapped(value, found) for name, value in old.items()}
    if not found.resealed:
        return 0, not found.unreadable
    (key,) = table.primary_key.columns
    untouched = [table.c[name] == old[name] for name in new if new[name] != old[name]]
    kept = {column.name: column for column in table.columns if column.onupdate is not None}
    changed = {name: new[name] for name in new if new[name] != old[name]}
    statement = update(table).where(key == row[0], *untouched).values({**kept, **changed})
    done: Any = session.execute(statement)
    return found.resealed * done.rowcount, not found.unreadable


class _Newest:
    """Seals a secret with the newest key, and counts."""

    def __init__(self) -> None:
        self.resealed = self.unreadable = 0

    def __call__(self, secret: str) -> str:
        if crypto.age(secret) == 0:
            return secret
        try:
            anew = crypto.rotate(secret)
        except AppError:
            self.unreadable += 1
            return secret
        self.resealed += 1
        return anew


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A column's value with every secret in it changed."""
    if isinstance(value, dict):
        return {name: change(secret) for name, secret in value.items()}
    if isinstance(value, list):
        return [change(secret) for secret in value]
    return change(value) if value else value
