"""Organisations: platform admins manage all of them, everybody else's admins their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from hyperstrate.auth.keys import api_keys, verifying
from hyperstrate.auth.models import Membership, Organization, Session, User
from hyperstrate.auth.people import organizations, sessions
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import Unauthorized
from tests.people import PASSWORD, People

ClientAs = Callable[[str | None], FlaskClient]
PATH = "/auth/organizations"


def _count(table: type[User] | type[Organization] | type[Session]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_platform_admin_lists_all_and_makes_more(client_as: ClientAs, people: People) -> None:
    client = client_as("platform")

    made = client.post(PATH, json={"name": "Initech"})
    listed = client.get(PATH).get_json()
    searched = client.get(f"{PATH}?query=init").get_json()
    profile = client.get("/auth/me").get_json()

    assert made.status_code == 201
    assert set(made.get_json()) == {
        "id", "name", "slug", "isEnabled", "createdAt", "modifiedAt"
    }  # fmt: skip
    assert [item["name"] for item in listed["items"]] == ["Acme", "Globex", "Initech"]
    assert [item["name"] for item in searched["items"]] == ["Initech"]
    assert [place["name"] for place in profile["organizations"]] == ["Globex", "Initech"]
    assert session.get_one(Membership, (people.pat.id, made.get_json()["id"])).role == "admin"


@pytest.mark.parametrize("part", ["admin", "member", "viewer", "stranger"])
def test_nobody_else_does(client_as: ClientAs, people: People, part: str) -> None:
    client, other = client_as(part), people.carol.org_id
    other = people.alice.org_id if part == "stranger" else other

    assert client.get(PATH).status_code == 403
    assert client.post(PATH, json={"name": "Initech"}).status_code == 403
    assert client.delete(f"{PATH}/{other}").status_code == 403
    assert client.get(f"{PATH}/{other}").status_code == 404
    assert client.patch(f"{PATH}/{other}", json={"name": "Taken"}).status_code == 404
    assert organizations.get(other).name in ("Acme", "Globex")


def test_an_admin_sees_and_renames_the_own_one_only(client_as: ClientAs, people: People) -> None:
    own = f"{PATH}/{people.alice.org_id}"

    renamed = client_as("admin").patch(own, json={"name": "Acme & Sons"})
    switched = client_as("admin").patch(own, json={"isEnabled": False})

    assert renamed.get_json()["slug"] == "acme-sons"
    assert switched.status_code == 403
    assert client_as("viewer").get(own).get_json()["name"] == "Acme & Sons"
    assert client_as("viewer").patch(own, json={"name": "x"}).status_code == 403
    assert client_as("member").get(own).status_code == 403
    assert client_as(None).get(own).status_code == 401


def test_a_disabled_organisation_lets_nobody_and_no_key_in(
    client_as: ClientAs, people: People
) -> None:
    with unit_of_work():
        key = api_keys.issue(people.alice.org_id, "CI", scope="global").plaintext or ""
    path = f"{PATH}/{people.alice.org_id}"

    client_as("platform").patch(path, json={"isEnabled": False})

    body = {"email": "alice@example.com", "password": PASSWORD}
    assert client_as("admin").get("/auth/me").status_code == 401
    refused = client_as(None).post("/auth/login", json=body)
    assert refused.status_code == 401
    assert refused.get_json() == {"error": "this organization is disabled"}
    with pytest.raises(Unauthorized, match="this organization is disabled"):
        verifying.verify(key)
    assert client_as("stranger").get("/auth/me").status_code == 200

    client_as("platform").patch(path, json={"isEnabled": True})

    assert client_as(None).post("/auth/login", json=body).status_code == 200
    assert verifying.verify(key)


def test_who_belongs_elsewhere_signs_in_there(client_as: ClientAs, people: People) -> None:
    client_as("platform").patch(f"{PATH}/{people.alice.org_id}", json={"isEnabled": False})

    body = {"email": "dora@example.com", "password": PASSWORD}
    answer = client_as(None).post("/auth/login", json=body).get_json()

    assert answer["user"]["orgId"] == people.carol.org_id
    assert answer["user"]["role"] == "admin"
    assert [place["name"] for place in answer["user"]["organizations"]] == ["Globex"]


def test_deletes_one_with_its_people_but_not_those_of_others(
    client_as: ClientAs, people: People
) -> None:
    answer = client_as("platform").delete(f"{PATH}/{people.alice.org_id}")

    assert answer.status_code == 204
    assert _count(Organization) == 1
    emails = session.scalars(select(User.email).order_by(User.email)).all()
    assert emails == ["carol@example.com", "dora@example.com", "pat@example.com"]
    assert session.get_one(User, people.dora.id).org_id == people.carol.org_id
    for token in (people.alice.token, people.dora.token):
        with pytest.raises(Unauthorized):
            sessions.verify(token)
    assert sessions.verify(people.carol.token)


def test_the_one_in_which_one_works_stays(client_as: ClientAs, people: People) -> None:
    own = f"{PATH}/{people.pat.org_id}"

    assert client_as("platform").delete(own).status_code == 409
    assert client_as("platform").patch(own, json={"isEnabled": False}).status_code == 409
    assert client_as("platform").delete(f"{PATH}/org_x").status_code == 404
    assert _count(Organization) == 2


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 256}, {"name": 5}])
def test_names_what_is_wrong_with_one(client_as: ClientAs, body: dict[str, object]) -> None:
    answer = client_as("platform").post(PATH, json=body)

    assert answer.status_code == 400
    assert list(answer.get_json()["fields"]) == ["name"]


def test_a_name_becomes_a_slug(people: People) -> None:
    with unit_of_work():
        made = organizations.create("  Ünder & Sons, Ltd. ")

    assert made.slug == "nder-sons-ltd"
