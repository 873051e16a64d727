"""Numbers, money and times read well, from the very small to the very large."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hyperstrate.shared import formats


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"),
        (Decimal("0.000123"), "$0.000123"),
        (0.00000004567, "$0.0000000457"),
        (0.5, "$0.50"),
        (0.1234, "$0.123"),
        (1, "$1.00"),
        (0.99999, "$1.00"),
        (1234.5, "$1,234.50"),
        (-0.02, "-$0.02"),
        (None, "–"),
    ],
)
def test_money_shows_the_digits_that_matter(amount: Decimal | float | None, text: str) -> None:
    assert formats.money(amount) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0 ms"),
        (0.424, "0.42 ms"),
        (9.999, "10 ms"),
        (38.4, "38 ms"),
        (999.7, "1.00 s"),
        (1840, "1.84 s"),
        (59_999, "1 min 0 s"),
        (125_000, "2 min 5 s"),
        (None, "–"),
    ],
)
def test_a_duration_has_the_unit_that_fits(length: float | None, text: str) -> None:
    assert formats.ms(length) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (999_600, "1 MB"),
        (20_480_000, "20.5 MB"),
        (None, "–"),
    ],
)
def test_a_size_has_the_unit_that_fits(amount: int | None, text: str) -> None:
    assert formats.size(amount) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1234567, "1,234,567"), (0.25, "0.25"), (1000, "1,000"), (None, "–")]
)
def test_numbers_are_grouped(value: float | None, text: str) -> None:
    assert formats.number(value) == text


def test_a_share_is_a_percentage() -> None:
    assert [formats.percent(share) for share in (0.317, 1, 0.0061, None)] == [
        "31.7%",
        "100%",
        "0.6%",
        "–",
    ]


def test_a_time_stands_in_utc_and_can_be_read_by_scripts() -> None:
    when = datetime(2026, 11, 22, 14, 3, 9, tzinfo=UTC)

    shown = formats.ago(when)

    assert 'datetime="2026-11-22T14:03:09+00:00"' in shown
    assert ">2026-11-22 14:03:09 UTC</time>" in shown
    assert formats.moment(when.timestamp()) == "2026-11-22 14:03:09 UTC"
    assert formats.ago(None) == "–"


def test_values_of_a_chart_have_their_unit() -> None:
    shown = [formats.in_unit(0.5, unit) for unit in ("usd", "ms", "percent", "")]

    assert shown == ["$0.50", "0.5 ms", "50%", "0.5"]
