"""Days in a query string, as times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hyperstrate.shared.db import now
from hyperstrate.shared.errors import BadRequest


def period(args: dict[str, Any]) -> tuple[datetime, datetime]:
    """``from`` (a month ago, when left out) and the end of ``to`` (today). Takes both of ``args``.

    Raises BadRequest.
    """
    since, until = bounds(args)
    end = until or _midnight(now()) + timedelta(days=1)
    return since or end - timedelta(days=31), end


def bounds(args: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """``from`` and the end of ``to``, where they are given. Takes both of ``args``."""
    since, last = _day("from", args.pop("from_")), _day("to", args.pop("to"))
    return since, last + timedelta(days=1) if last else None


def _day(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year <= 9998:  # a day or a month more is still a date
        raise BadRequest(f"invalid '{name}' date, use YYYY-MM-DD")
    return day


def _midnight(when: datetime) -> datetime:
    return when.replace(hour=0, minute=0, second=0, microsecond=0)
