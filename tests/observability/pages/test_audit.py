"""The audit as people see it: the list, one entry with before and after, the export, the proof."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.observability.chains import keep, make_entry, rows, tamper
from tests.people import Browser, Part, People

BrowserAs = Callable[[Part | None], Browser]


@pytest.fixture
def admin(browser_as: BrowserAs) -> Browser:
    return browser_as("admin")


@pytest.fixture
def acme(people: People) -> str:
    """Acme's chain, with a change and a refusal that came from elsewhere."""
    org_id = people.alice.org_id
    detail = {"before": {"name": "Blue", "is_enabled": True}, "after": {"name": "<Green>"}}
    keep(
        make_entry(org_id=org_id, action="update", object_id="team_7", detail=detail),
        make_entry(org_id=org_id, outcome="refused", detail={"reason": "a viewer reads only"}),
    )
    return org_id


def find(org_id: str, action: str, outcome: str = "success") -> str:
    """The id of the newest such entry."""
    wanted = [row.id for row in rows(org_id) if (row.action, row.outcome) == (action, outcome)]
    return wanted[-1]


def test_lists_what_was_done(admin: Browser, acme: str) -> None:
    page = admin.get("/app/audit").text

    assert "team_7" in page
    assert "ada@example.com" in page
    assert "refused" in page
    assert page.index('aria-current="page"') > 0


def test_filters_by_what_the_address_says(admin: Browser, acme: str) -> None:
    page = admin.get("/app/audit?outcome=refused&actor=ada").text
    empty = admin.get("/app/audit?actor=nobody-at-all").text
    wrong = admin.get("/app/audit?from=tomorrow")

    assert "team_7" not in page
    assert "ada@example.com" in page
    assert "Nothing matches" in empty
    assert (wrong.status_code, "cannot be used" in wrong.text) == (422, True)


def test_a_form_leaves_no_empty_filters_in_the_address(admin: Browser, acme: str) -> None:
    answer = admin.get("/app/audit?actor=&outcome=refused&range=")

    assert answer.headers["Location"] == "/app/audit?outcome=refused"


def test_goes_to_older_entries_and_back(admin: Browser, acme: str) -> None:
    keep(*(make_entry(org_id=acme, object_id=f"team_{number + 100}") for number in range(60)))
    last = rows(acme)[-1].seq

    first = admin.get("/app/audit").text
    older = admin.get(f"/app/audit?before={last - 49}").text
    newer = admin.get(f"/app/audit?after={last - 50}").text

    assert "team_159" in first
    assert "team_109" not in first
    assert "team_109" in older
    assert "team_159" not in older
    assert "team_159" in newer


def test_one_entry_shows_before_and_after(admin: Browser, acme: str) -> None:
    page = admin.get(f"/app/audit/{find(acme, 'update')}").text

    assert "What changed" in page
    assert "Blue" in page
    assert "&lt;Green&gt;" in page
    assert rows(acme)[-2].hash in page


def test_a_refusal_says_why(admin: Browser, acme: str) -> None:
    page = admin.get(
        f"/app/audit/{find(acme, 'create', 'refused')}", headers={"HX-Request": "true"}
    ).text

    assert "a viewer reads only" in page
    assert "<html" not in page


def test_a_stranger_finds_nothing_of_it(browser_as: BrowserAs, acme: str) -> None:
    carol = browser_as("stranger")

    assert "team_7" not in carol.get("/app/audit").text
    assert carol.get(f"/app/audit/{find(acme, 'update')}").status_code == 404
    assert carol.get("/app/audit?scope=installation").status_code == 403


def test_exports_the_filtered_entries(admin: Browser, acme: str) -> None:
    answer = admin.get("/app/audit/export.csv?outcome=refused")

    assert answer.mimetype == "text/csv"
    assert answer.text.count("\n") == 2
    assert rows(acme)[-1].action == "export"


def test_proves_the_chain_on_demand(admin: Browser, acme: str) -> None:
    seq = rows(acme)[-1].seq

    whole = admin.get("/app/audit/verify").text
    tamper(seq, user_email="bob@example.com")
    broken = admin.get("/app/audit/verify", headers={"HX-Request": "true"}).text

    assert f"Chain verified up to #{seq}" in whole
    assert "The chain is broken" in broken
    assert f"#{seq}" in broken


def test_a_member_has_no_audit(app: Flask, browser_as: BrowserAs) -> None:
    assert browser_as("member").get("/app/audit").status_code == 403
