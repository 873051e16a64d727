"""Sign-in, session tokens, and when they end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey

from hyperstrate.auth.keys import api_keys
from hyperstrate.auth.models import Organization, Session, User
from hyperstrate.auth.people import accounts, directory, passwords, sessions, tokens
from hyperstrate.auth.people.sessions import Device
from hyperstrate.auth.runtime import runtime, use
from hyperstrate.shared.cache import bump, look
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.errors import Unauthorized
from tests.people import PASSWORD, People, client

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
        "sid": runtime().tokens.read(people.alice.token).session_id,
        "exp": int(time.time()) + 600,
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
    assert answer.json["organizations"] == [
        {"id": people.bob.org_id, "name": "Acme", "role": "member"}
    ]
    assert set(answer.json) == {
        "id", "orgId", "email", "name", "avatar", "role", "isEnabled", "isPlatformAdmin",
        "organizations", "createdAt", "modifiedAt",
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
        {"sid": "sess_nobody"},
        {"sid": None},
        {"sid": 5},
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
        directory.person(people.alice.org_id, people.alice.id).role = "member"
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
        accounts.sign_in(people.bob.email, PASSWORD, Device("api"))

    kept = session.get_one(User, people.bob.id).password_hash
    assert kept
    assert "m=19456,t=2,p=1" in kept


def test_somebody_without_a_password_cannot_sign_in_with_one(people: People) -> None:
    with unit_of_work():
        session.get_one(User, people.bob.id).password_hash = None

    with pytest.raises(Unauthorized):
        accounts.sign_in(people.bob.email, PASSWORD, Device("api"))


def test_tokens_are_checked_without_sql(statements: list[str], people: People) -> None:
    sessions.verify(people.alice.token)
    statements.clear()

    sessions.verify(people.alice.token)

    assert statements == []


def _session_id(token: str) -> str:
    return runtime().tokens.read(token).session_id


def _own(client: FlaskClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/auth/sessions").get_json()["data"]
    return found


def test_sign_out_kills_every_copy_of_the_token(client_as: ClientAs, people: People) -> None:
    assert client_as("member").post("/auth/logout").status_code == 204

    assert client_as("member").get("/auth/me").json == {
        "error": "this session has ended; sign in again"
    }
    assert session.get_one(Session, _session_id(people.bob.token)).revoked_at


def test_lists_the_own_sessions_with_what_is_known_of_them(
    client_as: ClientAs, people: People
) -> None:
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    body = {"email": people.bob.email, "password": PASSWORD}
    client_as(None).post("/auth/login", json=body, headers=agent)

    found = _own(client_as("member"))

    assert [(it["device"], it["isCurrent"]) for it in found] == [
        ("Firefox on Linux", False), ("tests", True)
    ]  # fmt: skip
    assert set(found[0]) == {
        "id", "orgId", "kind", "method", "device", "address", "isCurrent", "createdAt",
        "lastSeenAt", "expiresAt",
    }  # fmt: skip
    assert (found[0]["kind"], found[0]["method"]) == ("api", "password")
    assert found[0]["address"] == "127.0.0.1"


def test_ends_one_of_the_own_sessions_or_all_others(client_as: ClientAs, people: People) -> None:
    body = {"email": people.bob.email, "password": PASSWORD}
    tokens_of = [client_as(None).post("/auth/login", json=body).get_json()["token"] for _ in "abc"]
    first = _session_id(tokens_of[0])

    ended = client_as("member").delete(f"/auth/sessions/{first}")
    again = client_as("member").delete(f"/auth/sessions/{first}")
    after_one = [_me(client_as(None), token) for token in tokens_of]
    others = client_as("member").delete("/auth/sessions")

    assert (ended.status_code, again.status_code) == (204, 404)
    assert after_one == [401, 200, 200]
    assert others.get_json() == {"ended": 2}
    assert [_me(client_as(None), token) for token in tokens_of] == [401, 401, 401]
    assert client_as("member").get("/auth/me").status_code == 200


def test_nobody_ends_another_s_session(client_as: ClientAs, people: People) -> None:
    path = f"/auth/sessions/{_session_id(people.bob.token)}"

    assert client_as("admin").delete(path).status_code == 404
    assert client_as("stranger").delete(path).status_code == 404
    assert sessions.verify(people.bob.token)


def test_a_session_that_another_process_ended_is_dead_here_within_a_look(
    people: People,
) -> None:
    """The other process' caches are emptied at its commit, and ours when we look."""
    look()
    assert sessions.verify(people.bob.token)
    with unit_of_work():
        sessions.end(people.bob.id, _session_id(people.bob.token))
        session.info["after_commit"] = []
    assert sessions.verify(people.bob.token)

    look()

    with pytest.raises(Unauthorized):
        sessions.verify(people.bob.token)


def _move_the_clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    start: Callable[[], datetime] = now
    monkeypatch.setattr(sessions, "now", lambda: start() + by)
    monkeypatch.setattr(sessions, "time", lambda: (start() + by).timestamp())


def test_a_token_is_good_for_a_day_however_much_it_is_used(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = _session_id(people.bob.token)
    sessions.owner(session_id)
    _move_the_clock(monkeypatch, timedelta(hours=23))
    sessions.note_use(session_id)
    assert sessions.owner(session_id)

    _move_the_clock(monkeypatch, timedelta(hours=25))

    with pytest.raises(Unauthorized, match="has ended"):
        sessions.owner(session_id)


def test_a_browser_is_signed_in_until_two_weeks_after_its_last_use(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unit_of_work():
        begun = sessions.begin(people.bob.id, people.bob.org_id, Device("browser"))
    _move_the_clock(monkeypatch, timedelta(days=13))
    sessions.note_use(begun.id)

    _move_the_clock(monkeypatch, timedelta(days=26))
    assert sessions.owner(begun.id)
    _move_the_clock(monkeypatch, timedelta(days=28))

    with pytest.raises(Unauthorized, match="has ended"):
        sessions.owner(begun.id)


def test_use_is_noted_at_most_once_a_minute(
    statements: list[str], people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = _session_id(people.bob.token)
    _move_the_clock(monkeypatch, timedelta(minutes=5))
    sessions.note_use(session_id)
    statements.clear()

    sessions.note_use(session_id)

    assert statements == []


def test_what_ended_long_ago_is_forgotten_at_the_next_sign_in(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    _move_the_clock(monkeypatch, timedelta(days=40))

    with unit_of_work():
        sessions.begin(people.bob.id, people.bob.org_id, Device("api"))

    assert session.get(Session, _session_id(people.bob.token)) is None


def test_a_refreshed_token_is_of_the_same_session(client_as: ClientAs, people: People) -> None:
    fresh = client_as("member").post("/auth/refresh").get_json()["token"]

    assert _session_id(fresh) == _session_id(people.bob.token)
    assert len(_own(client_as("member"))) == 1


def test_switches_to_another_of_the_own_organisations(client_as: ClientAs, people: People) -> None:
    before = client_as("both").get("/auth/me").get_json()

    answer = client_as("both").post("/auth/switch", json={"orgId": people.carol.org_id})

    after = answer.get_json()["user"]
    assert (before["orgId"], before["role"]) == (people.alice.org_id, "member")
    assert (after["orgId"], after["role"]) == (people.carol.org_id, "admin")
    assert after["organizations"] == before["organizations"]
    assert _me(client_as(None), answer.get_json()["token"]) == 200
    assert client_as("both").get("/auth/me").status_code == 401
    body = {"email": people.dora.email, "password": PASSWORD}
    again = client_as(None).post("/auth/login", json=body).get_json()
    assert again["user"]["orgId"] == people.carol.org_id


def test_switches_nowhere_else(client_as: ClientAs, people: People) -> None:
    with unit_of_work():
        directory.change(people.carol.org_id, people.dora.id, {"is_enabled": False})

    for part in ("both", "member", "platform"):
        for org_id in (people.carol.org_id, "org_x"):
            if part == "platform" and org_id == people.pat.org_id:
                continue
            answer = client_as(part).post("/auth/switch", json={"orgId": org_id})
            assert answer.status_code == 404
        assert client_as(part).get("/auth/me").status_code == 200


def test_changes_the_own_name(client_as: ClientAs) -> None:
    answer = client_as("viewer").patch("/auth/me", json={"name": "Vera B."})

    assert answer.get_json()["name"] == "Vera B."
    assert client_as("viewer").patch("/auth/me", json={"name": " "}).status_code == 400


def test_a_password_that_changed_while_it_was_checked_opens_nothing(
    app: Flask, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_right(kept: str | None, _: str) -> bool:
        with app.app_context(), unit_of_work():
            session.get_one(User, people.bob.id).password_hash = "another"
        return kept is not None

    monkeypatch.setattr(passwords, "matches", is_right)

    with pytest.raises(Unauthorized), unit_of_work():
        accounts.sign_in(people.bob.email, PASSWORD, Device("api"))


def _with_admin_email(email: str) -> None:
    use(replace(runtime(), config=replace(runtime().config, admin_email=email)))


def test_admin_email_makes_a_platform_admin_once_the_e_mail_is_proven(
    client_as: ClientAs, people: People
) -> None:
    _with_admin_email("Bob@Example.com")
    user = session.get_one(User, people.bob.id)
    with unit_of_work():
        accounts.welcome(user, Device("api"), is_email_proven=False, method="invitation")
    before = client_as("member").get("/auth/me").get_json()

    body = {"email": people.bob.email, "password": PASSWORD}
    answer = client_as(None).post("/auth/login", json=body).get_json()

    assert (before["role"], before["isPlatformAdmin"]) == ("member", False)
    assert answer["user"]["isPlatformAdmin"] is True
    assert answer["user"]["role"] == "admin"


def test_an_empty_admin_email_makes_nobody_platform_admin(
    client_as: ClientAs, people: People
) -> None:
    body = {"email": people.bob.email, "password": PASSWORD}

    answer = client_as(None).post("/auth/login", json=body).get_json()

    assert answer["user"]["isPlatformAdmin"] is False


def test_a_removed_person_s_token_is_dead(client_as: ClientAs, people: People) -> None:
    with unit_of_work():
        directory.remove(people.bob.org_id, people.bob.id)

    assert client_as("member").get("/auth/me").status_code == 401


def test_a_viewer_reads_and_neither_writes_nor_calls_a_model(
    app: Flask, client_as: ClientAs, people: People
) -> None:
    viewer = client_as("viewer")
    with unit_of_work():
        key = api_keys.issue(people.alice.org_id, "CI", scope="global").plaintext or ""

    body = {"model": "x", "messages": [{"role": "user", "content": "Hi"}]}
    called = viewer.post("/v1/chat/completions", json=body)

    assert viewer.get("/auth/api-keys").status_code == 200
    assert key not in viewer.get("/auth/api-keys").text
    assert viewer.post("/auth/teams", json={"name": "x"}).json == {
        "error": "a viewer reads and changes nothing"
    }
    assert called.status_code == 403
    assert client(app, None).get("/auth/api-keys").status_code == 401
