"""The export has every log of the filter, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest

from hyperstrate.observability import queries
from hyperstrate.observability.queries import Filters, export
from hyperstrate.observability.queries.listing import EVERYTHING
from tests.observability.conftest import Store
from tests.observability.installation import ACME, make_event


def rows(filters: Filters = EVERYTHING) -> list[dict[str, str]]:
    text = "".join(queries.csv_lines(ACME, filters=filters))
    return list(csv.DictReader(io.StringIO(text)))


def test_every_log_is_there_once_over_batches(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH", 3)
    store(*(make_event(id=f"l{number}", at=1000.0) for number in range(7)))

    assert [row["id"] for row in rows()] == [f"l{number}" for number in range(6, -1, -1)]


def test_values_are_exact(store: Store) -> None:
    store(make_event(cache_hit_type="exact", at=1000.0))

    (row,) = rows()

    assert row["createdAt"] == "1970-01-01T00:16:40+00:00"
    assert (row["costUsd"], row["latencyMs"]) == ("0.0000012345", "100")
    assert (row["cacheHit"], row["cacheHitType"], row["ttftMs"]) == ("true", "exact", "")


def test_the_filter_holds(store: Store) -> None:
    store(make_event(id="a", router_id="a"), make_event(id="b", router_id="b"))

    assert [row["id"] for row in rows(Filters(router_id="b"))] == ["b"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_begins_like_a_formula_is_quoted(store: Store, start: str) -> None:
    message = f'{start}HYPERLINK("http://x","y"), "quoted"'
    store(make_event(status="error", error_message=message))

    (row,) = rows()

    assert row["errorMessage"] == "'" + message


def test_an_empty_log_is_a_header(store: Store) -> None:
    lines = "".join(queries.csv_lines(ACME)).splitlines()

    assert lines == [",".join(export.COLUMNS)]
