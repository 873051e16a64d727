"""Organisations, people and teams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from hyperstrate.auth import directory, keys, sessions, teams
from hyperstrate.auth.models import APIKey
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import Conflict
from tests.people import People

ClientAs = Callable[[str | None], FlaskClient]


def _team(client: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/auth/teams", json={"name": "Research", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def test_makes_changes_and_deletes_a_team(client_as: ClientAs, people: People) -> None:
    client = client_as("admin")

    made = _team(client, description="papers", maxRequests=5, maxCostUsd=2.5)
    path = f"/auth/teams/{made['id']}"
    changed = client.patch(path, json={"name": "Science", "isEnabled": False}).get_json()

    assert made["orgId"] == people.alice.org_id
    assert (made["maxRequests"], made["maxCostUsd"], made["isEnabled"]) == (5, 2.5, True)
    assert changed == {
        **made,
        "name": "Science",
        "isEnabled": False,
        "modifiedAt": changed["modifiedAt"],
    }
    assert client.get(path).get_json() == changed
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x", "maxRequests": -1}, "maxRequests"),
        ({"name": "x", "maxRequests": 1.5}, "maxRequests"),
        ({"name": "x", "maxRequests": 10**30}, "maxRequests"),
        ({"name": "x", "maxCostUsd": -0.1}, "maxCostUsd"),
        ({"name": "x", "maxCostUsd": "nan"}, "maxCostUsd"),
        ({"name": "x", "description": 5}, "description"),
    ],
)
def test_names_what_is_wrong_with_a_team(
    client_as: ClientAs, body: dict[str, Any], field: str
) -> None:
    answer = client_as("admin").post("/auth/teams", json=body)

    assert answer.status_code == 400
    assert list(answer.get_json()["fields"]) == [field]


def test_a_stranger_s_and_a_member_s_ways_are_closed(client_as: ClientAs, people: People) -> None:
    path = f"/auth/teams/{people.alice.team_id}"

    assert client_as("stranger").get(path).status_code == 404
    assert client_as("stranger").patch(path, json={"name": "x"}).status_code == 404
    assert client_as("stranger").delete(path).status_code == 404
    assert client_as("member").get(path).status_code == 403
    assert client_as(None).get(path).status_code == 401


def test_lists_teams_by_name_by_ids_and_by_search(client_as: ClientAs, people: People) -> None:
    client = client_as("admin")
    made = [_team(client, name=name)["id"] for name in ("Zoo", "100% Ops", "Art")]

    def names(query: str) -> list[str]:
        return [team["name"] for team in client.get(f"/auth/teams{query}").get_json()["items"]]

    assert names("") == ["100% Ops", "Art", "Default", "Zoo"]
    assert names("?perPage=2&page=2") == ["Default", "Zoo"]
    assert names(f"?ids={made[0]}&ids={made[2]}&ids={people.carol.team_id}") == ["Art", "Zoo"]
    assert names("?query=0%25") == ["100% Ops"]
    assert names("?query=_") == []


def test_a_team_takes_its_keys_and_memberships_with_it(people: People) -> None:
    with unit_of_work():
        key_id = keys.issue(people.alice.org_id, "CI", scope="global").key.id
    assert sessions.verify(people.alice.token).team_ids == (people.alice.team_id,)

    with unit_of_work():
        teams.delete(people.alice.org_id, people.alice.team_id)

    session.expire_all()
    assert session.get(APIKey, key_id) is None
    assert sessions.verify(people.alice.token).team_ids == ()


def test_lists_the_own_people_and_organisation(client_as: ClientAs, people: People) -> None:
    client = client_as("admin")

    users = client.get("/auth/users").get_json()
    organizations = client.get("/auth/organizations").get_json()

    assert [user["email"] for user in users["items"]] == ["alice@example.com", "bob@example.com"]
    assert [item["id"] for item in organizations["items"]] == [people.alice.org_id]
    assert set(organizations["items"][0]) == {
        "id", "name", "slug", "isEnabled", "createdAt", "modifiedAt"
    }  # fmt: skip
    assert client_as("member").get("/auth/users").status_code == 403
    assert client_as("member").get("/auth/organizations").status_code == 403


def test_an_e_mail_is_taken_in_any_case_and_organisation(people: People) -> None:
    with pytest.raises(Conflict), unit_of_work():
        directory.create_user(people.carol.org_id, "BOB@Example.com")


def test_a_name_becomes_a_slug(people: People) -> None:
    with unit_of_work():
        made = directory.create_organization("  Ünder & Sons, Ltd. ")

    assert made.slug == "nder-sons-ltd"
