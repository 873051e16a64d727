"""A comparison as a table of CSV, for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hyperstrate.auth.books.bill_columns import Quantity
from hyperstrate.auth.books.comparison import Comparison, Line
from hyperstrate.shared.sheets import csv_text, harmless

SIDES = ("theirs", "ours", "difference", "percent")


def text(comparison: Comparison) -> str:
    """Each model day by day, then each over all days, then all of them."""
    columns = [f"{side}_{name}" for name in comparison.bill.says for side in SIDES]
    lines = [*comparison.days, *comparison.models, comparison.total]
    return csv_text([["day", "model", *columns, "state", "reasons"], *map(_row, lines)])


def _row(line: Line) -> list[str]:
    numbers = [cell for name in line.says for cell in _numbers(line, name)]
    day = line.day.isoformat() if line.day else "all days"
    return [day, harmless(line.model), *numbers, line.state, " ".join(line.reasons)]


def _numbers(line: Line, name: Quantity) -> Iterator[str]:
    """One for each of ``SIDES``."""
    for amount in (getattr(line.theirs, name), getattr(line.ours, name), line.difference(name)):
        yield f"{Decimal(amount):f}"
    percent = line.percent(name)
    yield "" if percent is None else f"{percent:.2f}"
