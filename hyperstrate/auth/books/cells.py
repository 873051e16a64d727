"""What people and spreadsheets write into the cells of a bill: amounts, counts and days."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import product

MOST = Decimal(10**15)
MAX_DIGITS, MAX_DECIMALS = 15, 20
#: Between this, for what floats add, and half a cent an amount may be rounded.
MILLIONTH, HALF_CENT = Decimal("0.000001"), Decimal("0.005")
#: As spreadsheets show a day: those of the United States first.
_DAYS = ("%m/%d/%Y", "%Y/%m/%d", "%b %d, %Y", "%B %d, %Y")
_DOLLARS = re.compile(r"us\$|usd|\$", re.IGNORECASE)
_PLAIN = re.compile(r"[0-9.]+")
_SPACE = re.compile(r"[\s'’_]")
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+")


def amount(text: str, *, has_decimal_comma: bool = False) -> Decimal:
    """$1,234.56, (1.50), 1.234,56, 3e-05; empty is zero. Raises ValueError.

    ``has_decimal_comma``: a comma that stands alone is the decimal one.
    """
    plain = text if _PLAIN.fullmatch(text) else _SPACE.sub("", _DOLLARS.sub("", text))
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1]}"
    try:
        found = Decimal(_pointed(plain, has_decimal_comma=has_decimal_comma) or "0")
    except InvalidOperation:
        raise ValueError(f"{text[:40]!r} is not an amount in dollars") from None
    if not found.is_finite() or abs(found) > MOST:
        raise ValueError(f"{text[:40]!r} is not an amount in dollars")
    return found if found.adjusted() >= -MAX_DECIMALS else Decimal(0)


def count(text: str, *, has_decimal_comma: bool = False) -> int:
    """1,234 or 1234.0; empty is zero; a point stands between thousands where commas are decimal.

    Raises ValueError.
    """
    if text.isdecimal() and len(text) <= MAX_DIGITS:
        return int(text)
    if has_decimal_comma and _GROUPED.fullmatch(text.replace(".", ",")):
        text = text.replace(".", "")
    try:
        found = amount(text, has_decimal_comma=has_decimal_comma)
    except ValueError:
        found = Decimal(-1)
    if found < 0 or found != found.to_integral_value():
        raise ValueError(f"{text[:40]!r} is not a whole number")
    return int(found)


@lru_cache(maxsize=1000)
def day(text: str) -> date:
    """The day of UTC: ISO 8601, Unix seconds, 9/30/2026. Raises ValueError."""
    try:
        found = _moment(text.strip()).astimezone(UTC).date()
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is not a day") from None
    if not 2000 <= found.year <= 2100:
        raise ValueError(f"{text[:40]!r} is not a day of this century")
    return found


def rounding(found: Decimal) -> Decimal:
    """By how much an amount may be off, from the digits that it was written with."""
    exponent = max(int(found.as_tuple().exponent), -MAX_DECIMALS)
    return min(max(Decimal(5).scaleb(exponent - 1), MILLIONTH), HALF_CENT)


def _pointed(text: str, *, has_decimal_comma: bool) -> str:
    """With a point before the decimals, and nothing between thousands."""
    comma, point = text.rfind(","), text.rfind(".")
    if comma < 0:
        return text if text.count(".") < 2 else text.replace(".", "")
    is_decimal = comma > point if point >= 0 else has_decimal_comma or not _GROUPED.fullmatch(text)
    if is_decimal:
        return text.replace(".", "").replace(",", ".")
    return text.replace(",", "")


def _moment(text: str) -> datetime:
    if re.fullmatch(r"\d{9,10}", text):
        return datetime.fromtimestamp(int(text), UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = _spelled(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _spelled(text: str) -> datetime:
    """With or without the time of day behind it."""
    for words, form in product((text, text.split(" ")[0]), _DAYS):
        try:
            return datetime.strptime(words, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(text)
