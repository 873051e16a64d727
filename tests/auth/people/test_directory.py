"""The people of an organisation, their roles, and the admin that always remains."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hyperstrate.auth.keys import api_keys, verifying
from hyperstrate.auth.models import Membership, Session, User
from hyperstrate.auth.people import directory, sessions, teams
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import AppError, Conflict, Unauthorized
from tests.people import PASSWORD, People

ClientAs = Callable[[str | None], FlaskClient]
LAST = "this is the organization's last admin; make somebody else admin first"


def _path(person: Any) -> str:
    return f"/auth/users/{person.id}"


def _is_in(token: str) -> bool:
    try:
        return bool(sessions.verify(token))
    except Unauthorized:
        return False


def test_lists_the_own_people_by_e_mail_and_by_search(client_as: ClientAs) -> None:
    client = client_as("admin")

    def emails(query: str) -> list[str]:
        return [it["email"] for it in client.get(f"/auth/users{query}").get_json()["items"]]

    assert emails("") == [
        "alice@example.com", "bob@example.com", "dora@example.com", "vera@example.com"
    ]  # fmt: skip
    assert emails("?query=OB") == ["bob@example.com"]
    assert emails("?query=%25") == []
    assert emails("?perPage=2&page=2") == ["dora@example.com", "vera@example.com"]
    assert client_as("member").get("/auth/users").status_code == 403
    assert client_as("viewer").get("/auth/users").status_code == 200


def test_shows_one_person_as_a_member_of_this_organisation(
    client_as: ClientAs, people: People
) -> None:
    here = client_as("admin").get(_path(people.dora)).get_json()
    there = client_as("stranger").get(_path(people.dora)).get_json()

    assert (here["role"], there["role"]) == ("member", "admin")
    assert (here["orgId"], there["orgId"]) == (people.alice.org_id, people.carol.org_id)
    assert set(here) == {
        "id", "orgId", "email", "name", "avatar", "role", "isEnabled", "isPlatformAdmin",
        "createdAt", "modifiedAt",
    }  # fmt: skip
    assert client_as("stranger").get(_path(people.bob)).status_code == 404


def test_a_new_role_counts_here_only_and_ends_the_sessions_here(
    client_as: ClientAs, people: People
) -> None:
    with unit_of_work():
        elsewhere = sessions.begin(people.dora.id, people.carol.org_id, sessions.Device("api"))

    answer = client_as("admin").patch(_path(people.dora), json={"role": "viewer"})

    assert answer.get_json()["role"] == "viewer"
    assert not _is_in(people.dora.token)
    assert sessions.verify(sessions.token_for(elsewhere)).role == "admin"


def test_a_disabled_person_is_out_here_at_once(client_as: ClientAs, people: People) -> None:
    answer = client_as("admin").patch(_path(people.bob), json={"isEnabled": False})

    assert answer.get_json()["isEnabled"] is False
    assert not _is_in(people.bob.token)
    body = {"email": people.bob.email, "password": PASSWORD}
    refused = client_as(None).post("/auth/login", json=body)
    assert refused.get_json() == {"error": "this user is disabled in this organization"}

    client_as("admin").patch(_path(people.bob), json={"isEnabled": True})

    assert not _is_in(people.bob.token)
    assert client_as(None).post("/auth/login", json=body).status_code == 200


def test_saving_what_is_so_already_ends_nothing(client_as: ClientAs, people: People) -> None:
    client_as("admin").patch(_path(people.bob), json={"role": "member", "name": "Robert"})

    assert _is_in(people.bob.token)
    assert session.get_one(User, people.bob.id).name == "Robert"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "king"}, "role"),
        ({"role": "Admin"}, "role"),
        ({"role": 5}, "role"),
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"isEnabled": "perhaps"}, "isEnabled"),
    ],
)
def test_names_what_is_wrong_with_a_change(
    client_as: ClientAs, people: People, body: dict[str, Any], field: str
) -> None:
    answer = client_as("admin").patch(_path(people.bob), json=body)

    assert answer.status_code == 400
    assert list(answer.get_json()["fields"]) == [field]


def test_nobody_is_moved_into_another_organisation(client_as: ClientAs, people: People) -> None:
    client = client_as("admin")

    moved = client.patch(_path(people.bob), json={"orgId": people.carol.org_id})
    kept = client.patch(_path(people.bob), json={"orgId": people.alice.org_id, "role": "viewer"})

    assert moved.status_code == 404
    assert kept.status_code == 200


def test_the_name_of_somebody_of_two_organisations_is_their_own(
    client_as: ClientAs, people: People
) -> None:
    answer = client_as("admin").patch(_path(people.dora), json={"name": "Theodora"})

    assert answer.status_code == 409
    assert session.get_one(User, people.dora.id).name == "Dora"


def test_a_person_is_removed_and_deleted(client_as: ClientAs, people: People) -> None:
    with unit_of_work():
        key = api_keys.issue(people.alice.org_id, "CI", scope="global", created_by=people.bob.id)

    answer = client_as("admin").delete(_path(people.bob))

    assert answer.status_code == 204
    assert session.get(User, people.bob.id) is None
    assert session.scalars(select(Session).where(Session.user_id == people.bob.id)).all() == []
    assert not _is_in(people.bob.token)
    assert verifying.verify(key.plaintext)
    assert client_as("admin").delete(_path(people.bob)).status_code == 404


def test_who_belongs_to_another_organisation_stays_there(
    client_as: ClientAs, people: People
) -> None:
    answer = client_as("admin").delete(_path(people.dora))

    assert answer.status_code == 204
    assert session.get(Membership, (people.dora.id, people.alice.org_id)) is None
    assert teams.of_person(people.alice.org_id, people.dora.id) == []
    assert session.get_one(User, people.dora.id).org_id == people.carol.org_id
    assert not _is_in(people.dora.token)
    body = {"email": people.dora.email, "password": PASSWORD}
    answer = client_as(None).post("/auth/login", json=body)
    assert answer.get_json()["user"]["orgId"] == people.carol.org_id


def test_a_stranger_changes_and_removes_nobody(client_as: ClientAs, people: People) -> None:
    client = client_as("stranger")

    assert client.patch(_path(people.bob), json={"role": "admin"}).status_code == 404
    assert client.delete(_path(people.bob)).status_code == 404
    assert client.delete(f"{_path(people.bob)}/sessions").status_code == 404
    assert sessions.verify(people.bob.token).role == "member"


@pytest.mark.parametrize("body", [{"role": "member"}, {"role": "viewer"}, {"isEnabled": False}])
def test_the_last_admin_stays_one(
    client_as: ClientAs, people: People, body: dict[str, Any]
) -> None:
    answer = client_as("admin").patch(_path(people.alice), json=body)

    assert answer.status_code == 409
    assert answer.get_json()["error"] == LAST
    assert sessions.verify(people.alice.token).is_admin


def test_the_last_admin_can_neither_be_removed_nor_leave(
    client_as: ClientAs, people: People
) -> None:
    removed = client_as("admin").delete(_path(people.alice))
    with unit_of_work():
        directory.enroll(people.carol.org_id, people.alice.id, "member")
    left = client_as("admin").delete(f"/auth/organizations/{people.alice.org_id}/membership")

    assert (removed.status_code, left.status_code) == (409, 409)
    assert removed.get_json()["error"] == left.get_json()["error"] == LAST


@pytest.mark.parametrize("change", [{"isEnabled": False}, {"role": "viewer"}])
def test_a_disabled_admin_is_no_admin_left(
    client_as: ClientAs, people: People, change: dict[str, Any]
) -> None:
    """Of Globex' two admins one is disabled; the other is the last."""
    client = client_as("stranger")

    first = client.patch(_path(people.dora), json={"isEnabled": False})
    second = client.patch(_path(people.carol), json=change)

    assert (first.status_code, second.status_code) == (200, 409)


@pytest.mark.parametrize("way", ["demote", "disable", "remove"])
def test_two_admins_who_drop_each_other_at_once_leave_one(
    app: Flask, people: People, way: str
) -> None:
    """Carol and Dora, the two admins of Globex; on SQLite and on PostgreSQL."""
    org_id, at_once = people.carol.org_id, Barrier(2)
    drop: dict[str, Callable[[str], object]] = {
        "demote": lambda user_id: directory.change(org_id, user_id, {"role": "member"}),
        "disable": lambda user_id: directory.change(org_id, user_id, {"is_enabled": False}),
        "remove": lambda user_id: directory.remove(org_id, user_id),
    }

    def run(user_id: str) -> str:
        with app.app_context():
            directory.person(org_id, user_id)
            at_once.wait(10)
            try:
                with unit_of_work():
                    drop[way](user_id)
            except AppError as error:
                return error.message
            return "done"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(run, [people.carol.id, people.dora.id]))

    assert outcomes == ["done", LAST]
    is_admin = (Membership.org_id == org_id, Membership.role == "admin", Membership.is_enabled)
    assert len(session.scalars(select(Membership).where(*is_admin)).all()) == 1


def test_the_only_place_of_a_platform_admin_is_not_closed(
    client_as: ClientAs, people: People
) -> None:
    """Else an organisation's admin could lock the installation's out of it."""
    client = client_as("stranger")

    assert client.patch(_path(people.pat), json={"isEnabled": False}).status_code == 409
    assert client.delete(_path(people.pat)).status_code == 409
    assert client.patch(_path(people.pat), json={"role": "viewer"}).status_code == 200


def test_leaves_one_of_two_organisations_and_not_the_only_one(
    client_as: ClientAs, people: People
) -> None:
    path = "/auth/organizations/{}/membership"

    left = client_as("both").delete(path.format(people.carol.org_id))
    stays = client_as("both").delete(path.format(people.alice.org_id))
    strange = client_as("both").delete(path.format("org_x"))

    assert (left.status_code, stays.status_code, strange.status_code) == (204, 409, 404)
    assert "your only organization" in stays.get_json()["error"]


def test_an_admin_ends_a_member_s_sessions_here_only(client_as: ClientAs, people: People) -> None:
    with unit_of_work():
        elsewhere = sessions.begin(people.dora.id, people.carol.org_id, sessions.Device("api"))

    answer = client_as("admin").delete(f"{_path(people.dora)}/sessions")

    assert answer.get_json() == {"ended": 1}
    assert not _is_in(people.dora.token)
    assert _is_in(sessions.token_for(elsewhere))


def test_an_e_mail_is_taken_in_any_case_and_organisation(people: People) -> None:
    with pytest.raises(Conflict), unit_of_work():
        directory.create_user(people.carol.org_id, "BOB@Example.com")


def test_nobody_is_enrolled_twice(people: People) -> None:
    with pytest.raises(Conflict), unit_of_work():
        directory.enroll(people.alice.org_id, people.bob.id, "admin")

    assert directory.person(people.alice.org_id, people.bob.id).role == "member"
