"""Keyset pages go through the whole filtered set, once each, in both directions."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from hyperstrate.observability import queries
from hyperstrate.observability.queries import Cursor, Filters, listing
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import BadRequest, NotFound
from tests.observability.conftest import Store
from tests.observability.installation import ACME, make_event


def ids(page: queries.LogPage) -> list[str]:
    return [log.id for log in page.items]


def some(store: Store, count: int) -> None:
    """Logs l00 ... in the order of their time, three of them at each time."""
    store(*(make_event(id=f"l{number:02}", at=1000.0 + number // 3) for number in range(count)))


def test_pages_go_back_to_the_oldest_and_forth_to_the_newest(store: Store) -> None:
    some(store, 10)

    first = queries.logs(ACME, limit=4)
    second = queries.logs(ACME, limit=4, before=Cursor.read(first.older))
    third = queries.logs(ACME, limit=4, before=Cursor.read(second.older))
    back = queries.logs(ACME, limit=4, after=Cursor.read(third.newer))
    front = queries.logs(ACME, limit=4, after=Cursor.read(back.newer))

    assert ids(first) == ["l09", "l08", "l07", "l06"]
    assert ids(second) == ["l05", "l04", "l03", "l02"]
    assert ids(third) == ["l01", "l00"]
    assert (first.newer, third.older) == ("", "")
    assert ids(back) == ids(second)
    assert ids(front) == ids(first)
    assert front.newer == ""


def test_an_empty_log_has_no_pages_beside(store: Store) -> None:
    assert queries.logs(ACME) == queries.LogPage([], "", "")


@pytest.mark.parametrize("cursor", ["", "x", "1e3.a", "99999999999999999999999.a", "-.a"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(BadRequest, match="invalid cursor"):
        Cursor.read(cursor)


@pytest.mark.parametrize(
    ("wanted", "change"),
    [
        ({"router_id": "rtr_2"}, {"router_id": "rtr_2"}),
        ({"model_id": "mdl_2"}, {"model_id": "mdl_2"}),
        ({"api_key_id": "akey_2"}, {"api_key_id": "akey_2"}),
        ({"team_id": "team_2"}, {"team_id": "team_2"}),
        ({"source": "direct"}, {"source": "direct"}),
        ({"status": "error"}, {"status": "error"}),
        ({"is_cache_hit": True}, {"cache_hit_type": "exact"}),
        ({"min_cost_usd": Decimal("0.5")}, {"cost_usd": Decimal("0.5")}),
        ({"min_latency_ms": 5000}, {"latency_ms": 5000}),
        ({"text": "BROKE 100%"}, {"status": "error", "error_message": "It broke 100% today"}),
        ({"since": datetime(2030, 1, 1, tzinfo=UTC)}, {"at": 1_893_456_000.0}),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC)}, {"at": 1_577_836_799.0}),
    ],
)
def test_a_filter_finds_what_it_says(
    store: Store, wanted: dict[str, Any], change: dict[str, Any]
) -> None:
    filters = Filters(**wanted)
    store(
        make_event(id="other", error_message="broke 1000 times"),
        make_event(**{"id": "match"} | change),
    )

    assert ids(queries.logs(ACME, filters=filters)) == ["match"]
    assert queries.count_up_to(ACME, 10, filters=filters) == 1


def test_filters_hold_together_and_exclude(store: Store) -> None:
    store(make_event(id="a", cache_hit_type="exact"), make_event(id="b"))

    assert ids(queries.logs(ACME, filters=Filters(is_cache_hit=False))) == ["b"]
    assert ids(queries.logs(ACME, filters=Filters(is_cache_hit=False, router_id="no"))) == []


def test_counting_stops_at_the_most(store: Store) -> None:
    some(store, 9)

    assert queries.count_up_to(ACME, 5) == 5
    assert queries.count_up_to(ACME, 100) == 9


def test_neighbours_stay_inside_the_filtered_set(store: Store) -> None:
    routers = {"l00": "a", "l01": "b", "l02": "a", "l03": "b", "l04": "a"}
    store(*(make_event(id=id, at=50.0, router_id=router) for id, router in routers.items()))

    middle = queries.neighbours(ACME, "l02", filters=Filters(router_id="a"))
    first = queries.neighbours(ACME, "l04", filters=Filters(router_id="a"))
    last = queries.neighbours(ACME, "l00")

    assert middle == queries.Neighbours(newer="l04", older="l00")
    assert first == queries.Neighbours(newer="", older="l02")
    assert last == queries.Neighbours(newer="l01", older="")


def test_one_log_has_its_steps(store: Store) -> None:
    store(make_event(id="l1", steps=({"kind": "retry"},)))

    assert queries.log(ACME, "l1").steps == [{"kind": "retry"}]


def test_an_unknown_log_or_payload_is_not_found(store: Store) -> None:
    store(make_event(id="l1"))

    with pytest.raises(NotFound):
        queries.log(ACME, "l2")
    with pytest.raises(NotFound):
        queries.payload(ACME, "l1")


def plan_of(query: str) -> str:
    """How the database would run it, when it may not read the whole table."""
    if session.get_bind().dialect.name == "sqlite":
        rows = session.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
        return " ".join(str(row[-1]) for row in rows)
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("SET LOCAL enable_sort = off"))
    session.execute(text("SET LOCAL enable_bitmapscan = off"))
    return " ".join(row[0] for row in session.execute(text(f"EXPLAIN {query}")))


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(), "ix_inference_logs_org_id_created_at_id"),
        (Filters(router_id="r"), "ix_inference_logs_org_id_router_id_created_at_id"),
        (Filters(api_key_id="k"), "ix_inference_logs_org_id_api_key_id_created_at_id"),
        (Filters(status="error"), "ix_inference_logs_org_id_status_created_at_id"),
        (Filters(text="timeout"), "ix_inference_logs_org_id_status_created_at_id"),
    ],
)
def test_a_page_is_read_in_the_order_of_an_index(
    store: Store, filters: Filters, index: str
) -> None:
    query = listing.page_query(ACME, filters, before=Cursor.read("1000000.l1")).limit(5)
    options = {"literal_binds": True}
    is_sqlite = session.get_bind().dialect.name == "sqlite"

    plan = plan_of(str(query.compile(session.get_bind(), compile_kwargs=options)))

    assert (index if is_sqlite else "using ix_inference_logs_org_id") in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
