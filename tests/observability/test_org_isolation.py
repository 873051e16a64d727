"""No function that takes an organisation shows another one's requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from hyperstrate.config import Config
from hyperstrate.observability import audit_chain, delivery, feedback, kept, queries
from hyperstrate.observability.models import WebhookDelivery
from hyperstrate.observability.queries import audit as entries
from hyperstrate.observability.queries import listing, search
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.errors import NotFound
from tests.observability.chains import keep, make_entry, rows
from tests.observability.conftest import Store
from tests.observability.installation import ACME, GLOBEX, make_event
from tests.upstreams import Provider

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
        (lambda org: listing.costs(org, ["l1", "l2"]), {}),
        (lambda org: list(session.scalars(listing.page_query(org, queries.Filters()))), []),
        (lambda org: list(search.search(org).page.items), []),
        (lambda org: search.count_up_to(org, 10), 0),
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
        lambda org: search.neighbours(org, "l1"),
    ],
)
def test_a_stranger_finds_nothing(ask: Callable[[str], Any]) -> None:
    ask(ACME)
    with pytest.raises(NotFound):
        ask(GLOBEX)
    with pytest.raises(NotFound):
        ask("")


def test_a_stranger_sees_and_sends_nothing_of_a_webhook(receiver: Provider) -> None:
    delivery.send_test(ACME, "rtr_1")
    with pytest.raises(NotFound):
        delivery.send_test(GLOBEX, "rtr_1")

    assert delivery.deliveries(ACME, "rtr_1").total == 1
    assert delivery.deliveries(GLOBEX, "rtr_1").total == 0
    assert {row.org_id for row in session.scalars(select(WebhookDelivery))} == {ACME}


@pytest.mark.parametrize(
    ("ask", "nothing"),
    [
        (lambda org: entries.find(org, limit=10, offset=0), []),
        (entries.count, 0),
        (lambda org: entries.page(org).items, []),
        (entries.values, ([], [])),
        (lambda org: "".join(entries.csv_lines(org)).count("\n"), 1),
        (lambda org: audit_chain.verify(org).rows, 0),
    ],
)
def test_a_stranger_sees_nothing_of_an_audit(ask: Callable[[str], Any], nothing: Any) -> None:
    keep(make_entry(org_id=ACME))

    assert ask(ACME) != nothing
    assert ask(GLOBEX) == nothing
    assert ask("") == nothing


def test_a_stranger_finds_no_entry_of_an_audit() -> None:
    keep(make_entry(org_id=ACME))
    (entry,) = rows(ACME)

    entries.get(ACME, entry.id)
    with pytest.raises(NotFound):
        entries.get(GLOBEX, entry.id)


def test_a_chain_is_purged_and_grows_alone() -> None:
    keep(make_entry(org_id=ACME), make_entry(org_id=GLOBEX))

    with unit_of_work():
        assert audit_chain.purge(GLOBEX, now()) == 1
        row = dict.fromkeys(("id", "actor_kind", "user_id", "user_email", "action"), "")
        row |= dict.fromkeys(("resource", "resource_id", "outcome", "details"), "")
        row |= dict.fromkeys(("ip_address", "user_agent", "request_id"), "")
        audit_chain.append(session(), GLOBEX, [{**row, "created_at": now()}])

    assert [entry.seq for entry in rows(ACME)] == [1]
    assert audit_chain.verify(ACME).is_whole


def test_a_stranger_is_not_told_how_much_is_kept(store: Store) -> None:
    keep(make_entry(org_id=ACME))
    store(make_event(org_id=ACME))

    own, other, nobody = (kept.of_organization(org, Config()) for org in (ACME, GLOBEX, ""))

    assert all(each.count for each in own if each.name in ("logs", "audit"))
    assert {each.count for each in (*other, *nobody)} == {0, None}
    assert {each.oldest for each in (*other, *nobody)} == {None}
