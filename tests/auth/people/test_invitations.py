"""Invitations: a link works once, in time, and for whom it was made."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hyperstrate.auth.models import Invitation, Membership, User
from hyperstrate.auth.runtime import runtime, use
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import now, session, unit_of_work
from tests import people as cast
from tests.people import PASSWORD, People

ClientAs = Callable[[str | None], FlaskClient]
PATH = "/auth/invitations"
ACCEPT = f"{PATH}/accept"
EVE = {"name": "Eve", "password": "a long enough password"}


def _invite(client: FlaskClient, email: str = "eve@example.com", **body: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={"email": email, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def test_a_new_person_comes_in_by_the_link(client_as: ClientAs, people: People) -> None:
    made = _invite(
        client_as("admin"), "Eve@Example.com", role="viewer", teamIds=[people.alice.team_id]
    )

    answer = client_as(None).post(ACCEPT, json={"token": made["token"], **EVE}).get_json()

    assert made["link"] == f"http://localhost/app/invitation?token={made['token']}"
    assert parse_qs(urlsplit(made["link"]).query) == {"token": [made["token"]]}
    assert (made["status"], made["email"]) == ("open", "eve@example.com")
    user = answer["user"]
    assert (user["email"], user["name"], user["role"]) == ("eve@example.com", "Eve", "viewer")
    assert user["orgId"] == people.alice.org_id
    assert user["isPlatformAdmin"] is False
    headers = {"Authorization": f"Bearer {answer['token']}"}
    members = f"/auth/teams/{people.alice.team_id}/members"
    listed = client_as(None).get(members, headers=headers).get_json()["items"]
    assert "eve@example.com" in [person["email"] for person in listed]
    again = {"email": "eve@example.com", "password": EVE["password"]}
    assert client_as(None).post("/auth/login", json=again).status_code == 200


def test_only_the_hash_of_the_token_is_kept(client_as: ClientAs, people: People) -> None:
    made = _invite(client_as("admin"))

    listed = client_as("admin").get(PATH)
    kept = session.scalars(select(Invitation)).one()

    assert made["token"] not in listed.text
    assert "token" not in listed.get_json()["items"][0]
    assert made["token"] not in str(vars(kept))


def test_a_link_works_once(client_as: ClientAs) -> None:
    made = _invite(client_as("admin"))
    client_as(None).post(ACCEPT, json={"token": made["token"], **EVE})

    replayed = client_as(None).post(ACCEPT, json={"token": made["token"], **EVE})

    assert replayed.status_code == 409
    assert replayed.get_json()["error"] == "this invitation was used already; sign in"
    assert client_as("admin").get(PATH).get_json()["items"][0]["status"] == "accepted"


def test_of_two_who_accept_at_once_one_does(app: Flask, client_as: ClientAs) -> None:
    made, at_once = _invite(client_as("admin")), Barrier(2)

    def accept(_: int) -> int:
        anybody = cast.client(app, None)
        at_once.wait(10)
        return anybody.post(ACCEPT, json={"token": made["token"], **EVE}).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(accept, range(2)))

    assert statuses == [200, 409]
    found = session.scalars(select(User).where(User.email == "eve@example.com")).all()
    assert len(found) == 1


def test_an_expired_link_is_refused(client_as: ClientAs) -> None:
    made = _invite(client_as("admin"), expiresInDays=1)
    with unit_of_work():
        session.get_one(Invitation, made["id"]).expires_at = now() - timedelta(seconds=1)

    answer = client_as(None).post(ACCEPT, json={"token": made["token"], **EVE})

    assert answer.status_code == 409
    assert answer.get_json()["error"] == "this invitation has expired; ask for a new one"
    assert client_as("admin").get(PATH).get_json()["items"][0]["status"] == "expired"


def test_a_withdrawn_an_unknown_and_an_older_link_are_refused(client_as: ClientAs) -> None:
    older = _invite(client_as("admin"))
    newer = _invite(client_as("admin"))
    withdrawn = client_as("admin").delete(f"{PATH}/{newer['id']}")

    statuses = [
        client_as(None).post(ACCEPT, json={"token": token, **EVE}).status_code
        for token in (older["token"], newer["token"], "guessed", "x" * 300)
    ]

    assert withdrawn.status_code == 204
    assert statuses == [404, 404, 404, 400]
    assert client_as("admin").delete(f"{PATH}/{newer['id']}").status_code == 404


def test_who_has_an_account_proves_it(client_as: ClientAs, people: People) -> None:
    """Carol is invited to Acme."""
    made = _invite(client_as("admin"), people.carol.email, role="viewer")
    body = {"token": made["token"]}

    nothing = client_as(None).post(ACCEPT, json=body)
    guessed = client_as(None).post(ACCEPT, json={**body, "password": "a wrong password"})
    another = client_as("member").post(ACCEPT, json=body)
    right = client_as("stranger").post(ACCEPT, json=body)

    assert (nothing.status_code, guessed.status_code, another.status_code) == (401, 401, 403)
    assert nothing.get_json()["fields"]["password"]
    assert "for carol@example.com" in another.get_json()["error"]
    assert right.status_code == 200
    assert [it["name"] for it in right.get_json()["user"]["organizations"]] == ["Acme", "Globex"]
    assert session.get_one(Membership, (people.carol.id, people.carol.org_id)).role == "admin"


def test_who_has_an_account_gives_its_password(client_as: ClientAs, people: People) -> None:
    made = _invite(client_as("admin"), people.carol.email)

    answer = client_as(None).post(ACCEPT, json={"token": made["token"], "password": PASSWORD})

    assert answer.get_json()["user"]["orgId"] == people.alice.org_id


def test_who_is_signed_in_makes_no_other_account(client_as: ClientAs) -> None:
    made = _invite(client_as("admin"))

    answer = client_as("member").post(ACCEPT, json={"token": made["token"], **EVE})

    assert answer.status_code == 403
    assert "for eve@example.com; sign out first" in answer.get_json()["error"]


def test_a_refused_acceptance_uses_nothing_up(client_as: ClientAs) -> None:
    made = _invite(client_as("admin"))

    short = client_as(None).post(ACCEPT, json={"token": made["token"], "password": "short"})
    right = client_as(None).post(ACCEPT, json={"token": made["token"], **EVE})

    assert short.status_code == 400
    assert short.get_json()["fields"] == {
        "name": ["this field is required"],
        "password": ["must be at least 12 characters"],
    }
    assert right.status_code == 200


def test_guessing_a_password_through_a_link_is_slowed(client_as: ClientAs, people: People) -> None:
    made = _invite(client_as("admin"), people.carol.email)
    body = {"token": made["token"], "password": "a wrong password"}

    statuses = [client_as(None).post(ACCEPT, json=body).status_code for _ in range(12)]

    assert (statuses[0], statuses[-1]) == (401, 429)


def test_a_member_is_not_invited(client_as: ClientAs, people: People) -> None:
    answer = client_as("admin").post(PATH, json={"email": "BOB@example.com"})

    assert answer.status_code == 409
    assert answer.get_json()["fields"] == {"email": ["is a member already"]}


def test_nobody_comes_into_a_disabled_organisation(client_as: ClientAs, people: People) -> None:
    made = _invite(client_as("admin"))
    path = f"/auth/organizations/{people.alice.org_id}"
    client_as("platform").patch(path, json={"isEnabled": False})

    answer = client_as(None).post(ACCEPT, json={"token": made["token"], **EVE})

    assert answer.status_code == 409


def test_an_admin_cannot_invite_themself_to_be_platform_admin(
    client_as: ClientAs, people: People
) -> None:
    """Who accepts chooses the password, and a password sign-in as ADMIN_EMAIL counts as proof."""
    config = replace(runtime().config, admin_email="root@example.com")
    use(replace(runtime(), config=config))

    refused = client_as("admin").post(PATH, json={"email": "Root@Example.com"})
    with unit_of_work():
        session.get_one(User, people.alice.id).is_platform_admin = True
        bump("users")
    allowed = client_as("admin").post(PATH, json={"email": "Root@Example.com"})

    assert (refused.status_code, allowed.status_code) == (403, 201)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "eve"}, "email"),
        ({"role": "king"}, "role"),
        ({"expiresInDays": 0}, "expiresInDays"),
        ({"expiresInDays": 91}, "expiresInDays"),
        ({"expiresInDays": 10**30}, "expiresInDays"),
        ({"teamIds": "team_x"}, "teamIds"),
        ({"teamIds": [5]}, "teamIds.0"),
    ],
)
def test_names_what_is_wrong_with_an_invitation(
    client_as: ClientAs, body: dict[str, Any], field: str
) -> None:
    given = {"email": "eve@example.com", **body} if body else {}

    answer = client_as("admin").post(PATH, json=given)

    assert answer.status_code == 400
    assert field.split(".")[0] in str(answer.get_json()["fields"])


def test_a_stranger_s_team_and_invitation_are_not_there(
    client_as: ClientAs, people: People
) -> None:
    made = _invite(client_as("admin"))

    body = {"email": "eve@example.com", "teamIds": [people.carol.team_id]}
    assert client_as("admin").post(PATH, json=body).status_code == 404
    assert client_as("stranger").delete(f"{PATH}/{made['id']}").status_code == 404
    assert client_as("stranger").get(PATH).get_json()["items"] == []


def test_a_viewer_sees_invitations_and_makes_none(client_as: ClientAs) -> None:
    assert client_as("viewer").get(PATH).status_code == 200
    assert client_as("viewer").post(PATH, json={"email": "eve@example.com"}).status_code == 403
    assert client_as("member").get(PATH).status_code == 403
