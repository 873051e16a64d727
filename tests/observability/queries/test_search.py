"""A search reads a stretch of the log at a time, and goes through all of it by its cursors."""

from __future__ import annotations

import pytest

from hyperstrate.observability import queries
from hyperstrate.observability.queries import Cursor, Filters, search
from hyperstrate.shared.errors import NotFound
from tests.observability.conftest import Store
from tests.observability.installation import ACME, GLOBEX, make_event

RARE = Filters(model_id="mdl_rare")


@pytest.fixture
def rare(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Forty logs, read ten at a time; three are of a rare model. Newest first: which."""
    monkeypatch.setattr(search, "STRETCH", 10)
    found = (2, 15, 37)
    store(
        *(
            make_event(
                id=f"l{place:02}",
                at=1000.0 + place,
                model_id="mdl_rare" if place in found else "mdl_1",
                router_id="rtr_1" if place < 8 else "rtr_2",
            )
            for place in range(40)
        )
    )
    return [f"l{place:02}" for place in reversed(found)]


def test_going_older_finds_all_once(rare: list[str]) -> None:
    found = search.search(ACME, filters=RARE)
    seen, pages = [log.id for log in found.page.items], 1

    while found.page.older:
        found = search.search(ACME, filters=RARE, before=Cursor.read(found.page.older))
        seen += [log.id for log in found.page.items]
        pages += 1

    assert seen == rare
    assert pages == 4
    assert found.edge is None


def test_going_newer_finds_all_once(rare: list[str]) -> None:
    oldest = Cursor.of(queries.log(ACME, "l00"))
    found = search.search(ACME, filters=RARE, after=oldest)
    seen = [log.id for log in found.page.items]

    while found.page.newer:
        found = search.search(ACME, filters=RARE, after=Cursor.read(found.page.newer))
        seen += [log.id for log in found.page.items]

    assert seen == rare[::-1]


def test_a_page_that_is_full_goes_on_behind_its_last(rare: list[str]) -> None:
    found = search.search(ACME, filters=Filters(model_id="mdl_1"), limit=3)

    assert [log.id for log in found.page.items] == ["l39", "l38", "l36"]
    assert found.edge is None
    assert found.page.older == str(Cursor.of(found.page.items[-1]))


def test_an_empty_stretch_says_where_it_ended(rare: list[str]) -> None:
    before = Cursor.of(queries.log(ACME, "l36"))

    found = search.search(ACME, filters=RARE, before=before)

    assert found.page.items == []
    assert found.edge == queries.log(ACME, "l25").created_at
    assert found.page.newer == str(before)


@pytest.mark.parametrize(
    "filters",
    [Filters(), Filters(router_id="rtr_2"), Filters(api_key_id="akey_1"), Filters(status="error")],
)
def test_what_an_index_knows_is_read_to_the_end(rare: list[str], filters: Filters) -> None:
    assert search.search(ACME, filters=filters).edge is None


def test_a_stretch_counts_only_what_the_index_leaves(rare: list[str]) -> None:
    found = search.search(ACME, filters=Filters(router_id="rtr_1", model_id="mdl_rare"))

    assert [log.id for log in found.page.items] == ["l02"]
    assert found.edge is None


def test_neighbours_are_looked_for_nearby(rare: list[str]) -> None:
    beside = search.neighbours(ACME, "l12", filters=RARE)

    assert beside == queries.Neighbours(newer="l15", older="l02")
    assert search.neighbours(ACME, "l30", filters=RARE) == queries.Neighbours("l37", "")


def test_another_organization_finds_nothing(rare: list[str]) -> None:
    assert search.search(GLOBEX, filters=RARE) == search.Found(queries.LogPage([], "", ""))
    with pytest.raises(NotFound):
        search.neighbours(GLOBEX, "l12", filters=RARE)
