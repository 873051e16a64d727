"""Numbers, money, sizes and times as people read them; the filters of the templates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from markupsafe import Markup

Number = int | float | Decimal
NOTHING = "–"


def number(value: Number | None) -> str:
    """1,234 or 0.25: grouped, at most two decimals."""
    if value is None:
        return NOTHING
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def money(value: Number | None) -> str:
    """US dollars with the digits that matter: $1,234.50, $0.0123, $0.000123."""
    if value is None:
        return NOTHING
    amount = Decimal(str(value))
    sign, amount = "-" if amount < 0 else "", abs(amount)
    if amount == 0 or amount >= 1:
        return f"{sign}${amount:,.2f}"
    decimals = max(2, 2 - amount.adjusted())
    text = f"{amount:.{min(decimals, 12)}f}".rstrip("0")
    return f"{sign}${text.ljust(4, '0')}"


def percent(share: Number | None) -> str:
    """A share of 1 as 12.3%."""
    return NOTHING if share is None else f"{number(round(float(share) * 100, 1))}%"


def ms(value: Number | None) -> str:
    """Milliseconds: 0.42 ms, 38 ms, 1.84 s, 2 min 5 s."""
    if value is None:
        return NOTHING
    length = float(value)
    if length < 10:
        return f"{number(round(length, 2))} ms"
    if length < 999.5:
        return f"{length:.0f} ms"
    if length < 59_995:
        return f"{length / 1000:.2f} s"
    minutes, seconds = divmod(round(length / 1000), 60)
    return f"{minutes:,} min {seconds} s"


def size(value: Number | None) -> str:
    """Bytes: 512 B, 1.5 kB, 20 MB."""
    if value is None:
        return NOTHING
    amount, units = float(value), ["B", "kB", "MB", "GB", "TB"]
    while amount >= 999.5 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.3g} {units[0]}"


def moment(when: datetime | float | None) -> str:
    """A time or its epoch seconds as 2026-11-22 14:03:09 UTC."""
    if when is None:
        return NOTHING
    at = when if isinstance(when, datetime) else datetime.fromtimestamp(when, UTC)
    return _aware(at).strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(when: datetime | None) -> Markup | str:
    """A <time> that app.js turns into "3 min ago" in the viewer's own zone."""
    if when is None:
        return NOTHING
    at = _aware(when)
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(
        at.isoformat(timespec="seconds"), moment(at), moment(at)
    )


def _aware(when: datetime) -> datetime:
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


_IN_UNIT: dict[str, Callable[[Any], str]] = {"usd": money, "ms": ms, "percent": percent}


def in_unit(value: Number | None, unit: str) -> str:
    """A value of a chart's series; ``unit`` is usd, ms, percent or empty."""
    return _IN_UNIT.get(unit, number)(value)


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "money": money,
    "percent": percent,
    "ms": ms,
    "bytes": size,
    "moment": moment,
    "ago": ago,
    "in_unit": in_unit,
}
