"""Teams and who is in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from hyperstrate.auth.keys import api_keys
from hyperstrate.auth.models import APIKey
from hyperstrate.auth.people import sessions, teams
from hyperstrate.shared.db import session, unit_of_work
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
        key_id = api_keys.issue(people.alice.org_id, "CI", scope="global").key.id
    assert sessions.verify(people.alice.token).team_ids == (people.alice.team_id,)

    with unit_of_work():
        teams.delete(people.alice.org_id, people.alice.team_id)

    session.expire_all()
    assert session.get(APIKey, key_id) is None
    assert sessions.verify(people.alice.token).team_ids == ()


def _emails(answer: Any) -> list[str]:
    return [person["email"] for person in answer.get_json()["items"]]


def test_people_come_into_a_team_and_leave_it(client_as: ClientAs, people: People) -> None:
    client, made = client_as("admin"), _team(client_as("admin"))
    path = f"/auth/teams/{made['id']}/members"

    first = client.post(path, json={"userId": people.bob.id})
    second = client.post(path, json={"userId": people.bob.id})
    listed = client.get(path)
    known = sessions.verify(people.bob.token).team_ids
    left = client.delete(f"{path}/{people.bob.id}")

    assert (first.status_code, second.status_code, left.status_code) == (204, 204, 204)
    assert _emails(listed) == ["bob@example.com"]
    assert made["id"] in known
    assert made["id"] not in sessions.verify(people.bob.token).team_ids
    assert _emails(client.get(path)) == []


def test_only_members_of_the_organisation_come_into_a_team(
    client_as: ClientAs, people: People
) -> None:
    client = client_as("admin")
    path = f"/auth/teams/{people.alice.team_id}/members"

    assert client.post(path, json={"userId": people.carol.id}).status_code == 404
    assert client.post(path, json={}).status_code == 400
    assert client_as("stranger").get(path).status_code == 404
    assert client_as("stranger").post(path, json={"userId": people.carol.id}).status_code == 404
    assert client_as("stranger").delete(f"{path}/{people.bob.id}").status_code == 404
    assert client_as("viewer").get(path).status_code == 200
    assert client_as("viewer").post(path, json={"userId": people.vera.id}).status_code == 403


def test_the_teams_of_another_organisation_open_nothing_here(people: People) -> None:
    """Dora is in Acme's team and, for now, works in Globex."""
    with unit_of_work():
        signed = sessions.begin(people.dora.id, people.carol.org_id, sessions.Device("api"))

    caller = sessions.verify(sessions.token_for(signed))

    assert caller.org_id == people.carol.org_id
    assert caller.team_ids == ()
    assert sessions.verify(people.dora.token).team_ids == (people.alice.team_id,)
