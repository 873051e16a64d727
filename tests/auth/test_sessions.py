"""Sign-in, session tokens, and when they end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey

from hyperstrate.auth import sessions, tokens
from hyperstrate.auth.models import Organization, User
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import Unauthorized
from tests.people import PASSWORD, People

ClientAs = Callable[[str | None], FlaskClient]


def _login(client: FlaskClient, email: str, password: str = PASSWORD) -> Any:
    return client.post("/auth/login", json={"email": email, "password": password})


def _me(client: FlaskClient, token: str) -> int:
    return client.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code


def _forged(app: Flask, people: People, *, key: str = "", **changes: Any) -> str:
    """A token as ours, but for ``changes``; a claim of None is left out."""
    claims = {
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "sub": people.alice.id,
        "exp": int(time.time()) + 600,
        "sv": 1,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    secret = key or app.config["SECRET_KEY"]
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))


def test_signs_in_with_e_mail_and_password(client_as: ClientAs, people: People) -> None:
    client = client_as(None)

    answer = _login(client, "ALICE@example.com")

    assert answer.status_code == 200
    assert answer.json["user"]["email"] == "alice@example.com"
    assert answer.json["user"]["role"] == "admin"
    assert answer.json["user"]["orgId"] == people.alice.org_id
    assert answer.json["user"]["lastLoginAt"]
    assert "password" not in str(answer.json)
    assert _me(client, answer.json["token"]) == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [("alice@example.com", "not the password"), ("nobody@example.com", PASSWORD)],
)
def test_refuses_a_wrong_password_and_an_unknown_e_mail_alike(
    client_as: ClientAs, email: str, password: str
) -> None:
    answer = _login(client_as(None), email, password)

    assert answer.status_code == 401
    assert answer.json == {"error": "the e-mail or the password is wrong"}


def test_names_what_is_wrong_with_a_login(client_as: ClientAs) -> None:
    answer = client_as(None).post("/auth/login", json={"email": "alice", "password": None})

    assert answer.status_code == 400
    assert answer.json == {
        "error": "validation failed",
        "fields": {
            "email": ["must be a valid email address"],
            "password": ["this field is required"],
        },
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"text"',
        b'{"email": 5, "password": []}',
        b'{"email": "a\\u0000@example.com", "password": "x"}',
        b'{"email": "a@example.com", "password": "\\ud800"}',
        b'{"email": "a@example.com", "password": "' + b"x" * 300 + b'"}',
    ],
)
def test_refuses_what_is_no_login(client_as: ClientAs, body: bytes) -> None:
    answer = client_as(None).post("/auth/login", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json
    assert answer.json["error"]


def test_says_who_is_signed_in(client_as: ClientAs, people: People) -> None:
    answer = client_as("member").get("/auth/me")

    assert answer.json
    assert answer.json["id"] == people.bob.id
    assert answer.json["role"] == "member"
    assert set(answer.json) == {
        "id", "orgId", "email", "name", "avatar", "role", "createdAt", "modifiedAt"
    }  # fmt: skip


def test_asks_who_is_calling(client_as: ClientAs) -> None:
    answer = client_as(None).get("/auth/me")

    assert answer.status_code == 401
    assert answer.json == {"error": "sign in, or send an API key"}


def test_refreshes_a_token(client_as: ClientAs) -> None:
    client = client_as("member")

    answer = client.post("/auth/refresh")

    assert answer.status_code == 200
    assert answer.json
    assert _me(client, answer.json["token"]) == 200


def test_takes_the_forger_s_own_token_when_it_is_right(
    app: Flask, client_as: ClientAs, people: People
) -> None:
    assert _me(client_as(None), _forged(app, people)) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "somewhere"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "later"},
        {"sub": None},
        {"sub": "user_nobody"},
        {"sub": 5},
        {"sv": 2},
        {"sv": None},
        {"key": "another secret of thirty-two letters or more"},
    ],
)
def test_refuses_a_token_with_a_wrong_claim_or_key(
    app: Flask, client_as: ClientAs, people: People, changes: dict[str, Any]
) -> None:
    assert _me(client_as(None), _forged(app, people, **changes)) == 401


def test_refuses_unsigned_and_otherwise_signed_tokens(
    app: Flask, client_as: ClientAs, people: People
) -> None:
    client = client_as(None)
    _, payload, signature = people.alice.token.split(".")
    unsigned = "eyJhbGciOiJub25lIn0"
    key = OctKey.import_key(app.config["SECRET_KEY"])
    longer = jwt.encode(
        {"alg": "HS512"},
        {"iss": tokens.ISSUER, "aud": tokens.AUDIENCE, "sub": people.alice.id, "exp": 9**11},
        key,
        algorithms=["HS512"],
    )

    assert _me(client, f"{unsigned}.{payload}.") == 401
    assert _me(client, f"{unsigned}.{payload}.{signature}") == 401
    assert _me(client, longer) == 401
    assert _me(client, "x" * 5000) == 401
    assert _me(client, "a.b.c") == 401


def test_today_s_role_counts_and_not_the_token_s(client_as: ClientAs, people: People) -> None:
    client = client_as("admin")
    assert client.get("/auth/users").status_code == 200

    with unit_of_work():
        session.get_one(User, people.alice.id).role = "member"
        bump("users")

    assert client.get("/auth/users").status_code == 403


def test_a_disabled_user_is_out(client_as: ClientAs, people: People) -> None:
    client = client_as("member")
    assert client.get("/auth/me").status_code == 200

    with unit_of_work():
        session.get_one(User, people.bob.id).is_enabled = False
        bump("users")

    assert client.get("/auth/me").json == {"error": "this user is disabled"}
    assert _login(client, "bob@example.com").status_code == 401


def test_a_disabled_organisation_is_out(client_as: ClientAs, people: People) -> None:
    with unit_of_work():
        session.get_one(Organization, people.bob.org_id).is_enabled = False
        bump("users")

    assert client_as("member").get("/auth/me").status_code == 401
    assert _login(client_as(None), "bob@example.com").status_code == 401
    assert client_as("stranger").get("/auth/me").status_code == 200


def test_a_new_password_ends_every_session(client_as: ClientAs, people: People) -> None:
    client = client_as("member")
    change = {"currentPassword": PASSWORD, "newPassword": "another long password"}

    answer = client.post("/auth/password", json=change)

    assert answer.status_code == 200
    assert answer.json
    assert client.get("/auth/me").status_code == 401
    assert _me(client, answer.json["token"]) == 200
    assert _login(client, "bob@example.com").status_code == 401
    assert _login(client, "bob@example.com", "another long password").status_code == 200


def test_a_new_password_needs_the_old_one(client_as: ClientAs) -> None:
    client = client_as("member")

    wrong = client.post(
        "/auth/password",
        json={"currentPassword": "guessed", "newPassword": "another long password"},
    )
    short = client.post(
        "/auth/password", json={"currentPassword": PASSWORD, "newPassword": "short"}
    )

    assert wrong.json == {
        "error": "validation failed",
        "fields": {"currentPassword": ["is wrong"]},
    }
    assert short.json
    assert short.json["fields"] == {"newPassword": ["must be at least 12 characters"]}
    assert client.get("/auth/me").status_code == 200


def test_an_old_hash_is_made_anew_at_sign_in(people: People) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with unit_of_work():
        session.get_one(User, people.bob.id).password_hash = weak

    with unit_of_work():
        user = sessions.sign_in(people.bob.email, PASSWORD, address="192.0.2.1")

    assert user.password_hash
    assert "m=19456,t=2,p=1" in user.password_hash


def test_somebody_without_a_password_cannot_sign_in_with_one(people: People) -> None:
    with unit_of_work():
        session.get_one(User, people.bob.id).password_hash = None

    with pytest.raises(Unauthorized):
        sessions.sign_in(people.bob.email, PASSWORD, address="192.0.2.1")


def test_tokens_are_checked_without_sql(statements: list[str], people: People) -> None:
    sessions.verify(people.alice.token)
    statements.clear()

    sessions.verify(people.alice.token)

    assert statements == []
