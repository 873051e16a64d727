"""A provider's usage or cost export as CSV, read line by line into tokens, requests and dollars."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import IO, Protocol

from hyperstrate.auth.books.bill_columns import Billed, Columns, Quantity, refused
from hyperstrate.shared.errors import TooLarge

MAX_BYTES = 10 * 2**20
MAX_HEADER = 65_536
MAX_ROWS = 100_000
#: Lines beside the rows: heads, empty ones.
MAX_BESIDE = 100
MAX_DAYS = 366
MAX_LINES = 20_000
MAX_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that could not be read, by its line in the file."""

    line: int
    text: str


@dataclass(slots=True)
class Bill:
    """A file, read. ``provider`` is empty where its columns do not tell; ``ignored``: columns that
    mean nothing here; ``problems``: the first of the ``unread`` rows."""

    provider: str
    says: tuple[Quantity, ...]
    ignored: list[str]
    billed: dict[tuple[date, str], Billed] = field(default_factory=dict)
    rows: int = 0
    unread: int = 0
    problems: list[Problem] = field(default_factory=list)

    def note(self, problem: Problem) -> None:
        """Count a row that cannot be read."""
        self.unread += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


def read(file: IO[bytes]) -> Bill:
    """Read a bill. Raises Unprocessable for what is none, TooLarge."""
    lines = _lines(file)
    first = next((line for line in lines if line.strip()), "")
    if len(first) > MAX_HEADER:
        raise refused("the first line is too long to be a header")
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(chain([first], lines), delimiter=delimiter)
    try:
        columns = Columns(next(rows, []), has_decimal_comma=delimiter == ";")
    except csv.Error as error:
        raise refused(f"the first line cannot be read as CSV: {error}") from None
    bill = Bill(columns.provider, columns.says, columns.ignored)
    while _read_row(rows, columns, bill):
        if bill.rows + bill.unread > MAX_ROWS:
            raise TooLarge(f"the file has more than {MAX_ROWS:,} rows")
    _check(bill)
    return bill


class _Rows(Protocol):
    """What ``csv.reader`` gives."""

    line_num: int

    def __next__(self) -> list[str]: ...


def _read_row(rows: _Rows, columns: Columns, bill: Bill) -> bool:
    """Take the next row in; False after the last."""
    try:
        row = next(rows, None)
        if row is None:
            return False
        found = columns.read(row) if any(cell.strip() for cell in row) else None
    except (ValueError, csv.Error) as error:
        bill.note(Problem(rows.line_num, str(error)))
        return True
    if found:
        day, model, billed = found
        bill.rows += 1
        bill.billed.setdefault((day, model), Billed()).add(billed)
    return True


def _check(bill: Bill) -> None:
    if not bill.billed:
        why = f": line {bill.problems[0].line}: {bill.problems[0].text}" if bill.problems else ""
        raise refused(f"the file has no row with usage or costs that can be read{why}")
    if len(bill.billed) > MAX_LINES:
        raise TooLarge(f"the file has more than {MAX_LINES:,} models day by day")
    days = [day for day, _ in bill.billed]
    if (max(days) - min(days)).days >= MAX_DAYS:
        raise refused(f"the file is of more than {MAX_DAYS} days: {min(days)} to {max(days)}")


def _lines(file: IO[bytes]) -> Iterator[str]:
    size = 0
    for number, line in enumerate(iter(lambda: file.readline(MAX_BYTES + 1), b""), 1):
        size += len(line)
        if size > MAX_BYTES:
            raise TooLarge(f"the file is larger than {MAX_BYTES // 2**20} MB")
        if number > MAX_ROWS + MAX_BESIDE:
            raise TooLarge(f"the file has more than {MAX_ROWS:,} rows")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise refused(f"line {number} is not UTF-8 text; save it as CSV UTF-8") from None
