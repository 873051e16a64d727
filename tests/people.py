"""The people of the tests, and the clients they use: two organisations, Acme and Globex."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hyperstrate.auth.people import directory, organizations, passwords, sessions, teams
from hyperstrate.auth.people.directory import Role
from hyperstrate.auth.people.sessions import Device
from hyperstrate.shared.db import unit_of_work

PASSWORD = "correct horse battery staple"
Part = Literal["admin", "member", "viewer", "both", "stranger", "platform"]
_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')


@dataclass(frozen=True)
class Person:
    """Somebody with an account; ``token`` is their session token."""

    id: str
    org_id: str
    team_id: str
    email: str
    name: str
    token: str
    password: str = PASSWORD


@dataclass(frozen=True)
class People:
    """Alice, Bob and Vera: admin, member and viewer of Acme; Carol: admin of Globex.

    Dora is a member of Acme, where she is signed in, and admin of Globex as well. Pat is a member
    of Globex, and platform admin.
    """

    alice: Person
    bob: Person
    carol: Person
    vera: Person
    dora: Person
    pat: Person

    def playing(self, part: Part) -> Person:
        return {
            "admin": self.alice,
            "member": self.bob,
            "viewer": self.vera,
            "both": self.dora,
            "stranger": self.carol,
            "platform": self.pat,
        }[part]


def settle() -> People:
    """Save the two organisations and their people."""
    with unit_of_work():
        acme, globex = _organization("Acme"), _organization("Globex")
        people = People(
            alice=_person(*acme, "Alice", role="admin"),
            bob=_person(*acme, "Bob", role="member"),
            carol=_person(*globex, "Carol", role="admin"),
            vera=_person(*acme, "Vera", role="viewer"),
            dora=_person(*acme, "Dora", role="member"),
            pat=_person(*globex, "Pat", role="member", is_platform_admin=True),
        )
        directory.enroll(globex[0], people.dora.id, "admin")
        return people


def _organization(name: str) -> tuple[str, str]:
    organization = organizations.create(name)
    return organization.id, teams.default(organization.id).id


def _person(
    org_id: str, team_id: str, name: str, *, role: Role, is_platform_admin: bool = False
) -> Person:
    email = f"{name.lower()}@example.com"
    user = directory.create_user(
        org_id, email, name=name, role=role, is_platform_admin=is_platform_admin
    )
    user.password_hash = _password_hash()
    teams.add_member(org_id, team_id, user.id)
    signed = sessions.begin(user.id, org_id, Device("api", "192.0.2.1", "tests"))
    return Person(user.id, org_id, team_id, email, name, sessions.token_for(signed))


@cache
def _password_hash() -> str:
    return passwords.hashed(PASSWORD)


class Client(FlaskClient):
    """A client whose every request has a context of its own, as on a server."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        with self.application.app_context():
            return super().open(*args, **options)


def client(app: Flask, person: Person | None) -> Client:
    """A client that sends the person's session token."""
    made = Client(app, app.response_class)
    if person:
        made.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {person.token}"
    return made


class Browser:
    """Somebody's browser: keeps the cookie, and posts with the CSRF token of the last page."""

    def __init__(self, app: Flask) -> None:
        self.client = Client(app, app.response_class)
        self.csrf_token = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._kept(self.client.get(path, **options))

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        form = {"csrf_token": self.csrf_token, **(data or {})}
        return self._kept(self.client.post(path, data=form, **options))

    def sign_in(self, person: Person) -> Browser:
        self.get("/app/login")
        answer = self.post("/app/login", {"email": person.email, "password": person.password})
        assert answer.status_code == 303, answer.text
        self.get("/app/login", follow_redirects=True)
        return self

    def _kept(self, answer: TestResponse) -> TestResponse:
        found = _CSRF.search(answer.text) if answer.mimetype == "text/html" else None
        self.csrf_token = found[1] if found else self.csrf_token
        return answer
