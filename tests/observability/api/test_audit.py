"""REST of the audit: what an organisation sees of it, filtered, exported and proved."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from hyperstrate.shared.audit import Actor
from tests.observability.chains import keep, make_entry, rows, tamper

ClientAs = Callable[[str | None], FlaskClient]
KEY = Actor("api_key", "akey_1", "akey_1", "org_acme", "192.0.2.7")


@pytest.fixture
def three(client_as: ClientAs) -> None:
    keep(
        make_entry(object_id="team_1"),
        make_entry(action="delete", object_type="router", object_id="rtr_1"),
        make_entry(action="request", actor=KEY, outcome="refused", object_id="team_2"),
        make_entry(org_id="org_globex"),
        make_entry(org_id="", action="purge"),
    )


@pytest.mark.usefixtures("three")
def test_lists_the_own_chain_newest_first(client_as: ClientAs) -> None:
    answer = client_as("admin").get("/analytics/audit").get_json()

    assert answer["total"] == 3
    assert [row["seq"] for row in answer["data"]] == [3, 2, 1]
    first = answer["data"][2]
    assert first["orgId"] == "org_acme"
    assert (first["userEmail"], first["ipAddress"]) == ("ada@example.com", "192.0.2.1")
    assert (first["action"], first["resource"], first["resourceId"]) == ("create", "team", "team_1")
    assert (first["outcome"], first["actorKind"]) == ("success", "person")
    assert first["hash"] == answer["data"][1]["prevHash"]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=ADA@", [2, 1]),
        ("actor=akey_1", [3]),
        ("action=delete", [2]),
        ("resource=team", [3, 1]),
        ("resource=team&resourceId=team_1", [1]),
        ("outcome=refused", [3]),
        ("address=192.0.2.7", [3]),
        ("limit=1", [3]),
        ("limit=1&offset=2", [1]),
        ("limit=-5", [3, 2, 1]),
        ("from=2099-01-01", []),
        ("to=2001-01-01", []),
        ("actor=%25", []),
    ],
)
def test_filters(client_as: ClientAs, query: str, found: list[int]) -> None:
    answer = client_as("admin").get(f"/analytics/audit?{query}").get_json()

    assert [row["seq"] for row in answer["data"]] == found


@pytest.mark.parametrize("query", ["outcome=odd", "scope=all", "from=tomorrow", "actor=%00"])
def test_nonsense_is_refused(client_as: ClientAs, query: str) -> None:
    assert client_as("admin").get(f"/analytics/audit?{query}").status_code in (400, 422)


@pytest.mark.usefixtures("three")
def test_a_stranger_sees_their_own(client_as: ClientAs) -> None:
    answer = client_as("stranger").get("/analytics/audit").get_json()

    assert [row["orgId"] for row in answer["data"]] == ["org_globex"]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("path", ["", "/export", "/verify"])
def test_the_installations_chain_is_for_platform_admins(client_as: ClientAs, path: str) -> None:
    address = f"/analytics/audit{path}?scope=installation"

    assert client_as("admin").get(address).status_code == 403
    assert client_as("platform_admin").get(address).status_code == 200


@pytest.mark.parametrize(("name", "status"), [("viewer", 200), ("member", 403), ("key", 401)])
def test_a_viewer_reads_and_a_member_does_not(client_as: ClientAs, name: str, status: int) -> None:
    for path in ("", "/export", "/verify"):
        assert client_as(name).get(f"/analytics/audit{path}").status_code == status


def test_nobody_writes_into_it(client_as: ClientAs) -> None:
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client_as("admin"), method)("/analytics/audit").status_code == 405


def test_the_export_runs_nothing_in_a_spreadsheet(client_as: ClientAs) -> None:
    keep(make_entry(object_id="=cmd|' /C calc'!A0", actor=Actor("person", name="@SUM(1)")))

    answer = client_as("admin").get("/analytics/audit/export")

    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.mimetype == "text/csv"
    assert table[1]["resourceId"].startswith("'=")
    assert table[1]["userEmail"] == "'@SUM(1)"


def test_an_export_is_an_entry(client_as: ClientAs) -> None:
    client_as("admin").get("/analytics/audit/export")

    (row,) = rows()
    assert (row.action, row.resource, row.user_id) == ("export", "audit", "user_ada")


@pytest.mark.usefixtures("three")
def test_proves_the_chain(client_as: ClientAs) -> None:
    whole = client_as("admin").get("/analytics/audit/verify").get_json()
    tamper(2, user_email="bob@example.com")
    broken = client_as("admin").get("/analytics/audit/verify").get_json()

    assert (whole["isWhole"], whole["seq"], whole["rows"]) == (True, 3, 3)
    assert (broken["isWhole"], broken["at"]) == (False, 2)
    assert "changed" in broken["problem"]
