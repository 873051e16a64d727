"""Lists in pages: page and perPage in, items and meta out, for JSON and tables alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select

from hyperstrate.shared.db import session

T = TypeVar("T")
DEFAULT_PER_PAGE = 30
MAX_PER_PAGE = 500
MAX_PAGE = 10**9  # an offset that every database can count to


@dataclass(frozen=True)
class Meta:
    """Where a page stands in its list; pages count from 1."""

    total: int
    count: int
    perPage: int
    pages: int
    page: int


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list, in the API's envelope."""

    items: Sequence[T]
    meta: Meta


def paginate(query: Select[T], *, page: int = 1, per_page: int = DEFAULT_PER_PAGE) -> Page[T]:
    """Run ``query`` for one page; out-of-range numbers are brought into range."""
    page, per_page = min(max(page, 1), MAX_PAGE), min(max(per_page, 1), MAX_PER_PAGE)
    counted: Select[Any] = select(func.count()).select_from(query.order_by(None).subquery())
    total = session.scalar(counted) or 0
    items = session.scalars(query.limit(per_page).offset((page - 1) * per_page)).all()
    pages = max(1, -(-total // per_page))
    return Page(items, Meta(total, len(items), per_page, pages, page))
