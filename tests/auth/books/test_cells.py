"""Cells of a bill: amounts, counts and days as spreadsheets and exports write them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from hyperstrate.auth.books import cells


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1234.5", "1234.5"),
        ("$1,234.56", "1234.56"),
        ("US$ 3", "3"),
        ("0.1 USD", "0.1"),
        ("(1.50)", "-1.50"),
        ("1.234,56", "1234.56"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1 234.5", "1234.5"),
        ("0,5", "0.5"),
        ("3e-05", "0.00003"),
        ("0.003835980000000000000000000000", "0.00383598"),
        ("1e-999999999", "0"),
        ("", "0"),
    ],
)
def test_amounts_are_read_with_their_signs_and_separators(text: str, amount: str) -> None:
    assert cells.amount(text) == Decimal(amount)


def test_a_comma_is_the_decimal_one_where_semicolons_part_the_cells() -> None:
    assert cells.amount("1,234", has_decimal_comma=True) == Decimal("1.234")
    assert cells.amount("1.234,5", has_decimal_comma=True) == Decimal("1234.5")
    assert cells.amount("1,234") == 1234


@pytest.mark.parametrize("text", ["€3", "=1+1", "NaN", "Infinity", "1e999999", "1.2.x", "-"])
def test_what_is_no_amount_of_dollars_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount in dollars"):
        cells.amount(text)


@pytest.mark.parametrize("text", ["1.5", "-1", "many", "=A1"])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        cells.count(text)


def test_counts_may_be_written_as_decimals_and_with_separators() -> None:
    assert (cells.count("1,234,567"), cells.count("12.0"), cells.count("")) == (1234567, 12, 0)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-09-30", date(2026, 9, 30)),
        ("2026-09-30T23:00:00-05:00", date(2026, 10, 1)),
        ("2026-09-30 23:59:59", date(2026, 9, 30)),
        ("2026-09-30T00:00:00Z", date(2026, 9, 30)),
        ("1790553600", date(2026, 9, 28)),
        ("9/30/2026", date(2026, 9, 30)),
        ("9/30/2026 14:05", date(2026, 9, 30)),
        ("2026/9/1", date(2026, 9, 1)),
        ("Sep 30, 2026", date(2026, 9, 30)),
    ],
)
def test_days_are_those_of_utc(text: str, day: date) -> None:
    assert cells.day(text) == day


@pytest.mark.parametrize(
    "text",
    ["", "31.12.2026", "13/31/2026", "0001-01-01T00:00:00+14:00", "9999-12-31", "2026-09-31"],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a day"):
        cells.day(text)


def test_an_amount_is_off_by_half_its_last_digit_and_at_most_half_a_cent() -> None:
    assert cells.rounding(Decimal("0.05")) == Decimal("0.005")
    assert cells.rounding(Decimal("0.0512")) == Decimal("0.00005")
    assert cells.rounding(Decimal("3")) == Decimal("0.005")
    assert cells.rounding(Decimal("1e-999999999")) == Decimal("0.000001")
