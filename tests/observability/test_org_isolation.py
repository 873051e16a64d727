"""No function that takes an organisation shows another one's requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hyperstrate.observability import feedback, queries
from hyperstrate.shared.errors import NotFound
from tests.observability.conftest import Store
from tests.observability.installation import ACME, GLOBEX, make_event

START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
NOTHING = queries.Totals(0, Decimal(0), 0, 0, None)


@pytest.fixture(autouse=True)
def acme_log(store: Store) -> None:
    """All requests are Acme's; one has a payload."""
    store(make_event(id="l1", response_text="secret"), make_event(id="l2", status="error"))


@pytest.mark.parametrize(
    ("ask", "nothing"),
    [
        (lambda org: list(queries.logs(org).items), []),
        (lambda org: queries.count_up_to(org, 10), 0),
        (lambda org: "".join(queries.csv_lines(org)).count("\n"), 1),
        (lambda org: queries.usage(org, START, END), []),
        (lambda org: queries.by_model(org, START, END), []),
        (lambda org: queries.by_router(org, START, END), {}),
        (lambda org: queries.by_router(org, START, END, router_ids=["rtr_1"]), {}),
        (lambda org: queries.latency(org, START, END), []),
        (lambda org: queries.cache(org, START, END), queries.CacheUsage(0, 0, 0, 0)),
        (lambda org: queries.overview(org, days=7000, until=END).current, NOTHING),
    ],
)
def test_a_stranger_sees_nothing(ask: Callable[[str], Any], nothing: Any) -> None:
    assert ask(ACME) != nothing
    assert ask(GLOBEX) == nothing
    assert ask("") == nothing


@pytest.mark.parametrize(
    "ask",
    [
        lambda org: queries.log(org, "l1"),
        lambda org: queries.payload(org, "l1"),
        lambda org: queries.neighbours(org, "l1"),
        lambda org: feedback.give(org, "l1", 1),
    ],
)
def test_a_stranger_finds_nothing(ask: Callable[[str], Any]) -> None:
    ask(ACME)
    with pytest.raises(NotFound):
        ask(GLOBEX)
    with pytest.raises(NotFound):
        ask("")
