"""The people of the tests, and the clients they use: two organisations, Acme and Globex."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hyperstrate.auth import directory, passwords, sessions, teams
from hyperstrate.shared.db import unit_of_work

PASSWORD = "correct horse battery staple"
Part = Literal["admin", "member", "stranger"]
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
    """Alice and Bob, admin and member of Acme; Carol, admin of Globex."""

    alice: Person
    bob: Person
    carol: Person

    def playing(self, part: Part) -> Person:
        return {"admin": self.alice, "member": self.bob, "stranger": self.carol}[part]


def settle() -> People:
    """Save the two organisations and their people."""
    with unit_of_work():
        acme, globex = _organization("Acme"), _organization("Globex")
        return People(
            _person(*acme, "Alice", role="admin"),
            _person(*acme, "Bob", role="member"),
            _person(*globex, "Carol", role="admin"),
        )


def _organization(name: str) -> tuple[str, str]:
    organization = directory.create_organization(name)
    return organization.id, teams.create(organization.id, teams.DEFAULT_NAME).id


def _person(org_id: str, team_id: str, name: str, *, role: str) -> Person:
    email = f"{name.lower()}@example.com"
    user = directory.create_user(org_id, email, name=name, role=role)
    user.password_hash = _password_hash()
    directory.join(org_id, user.id, team_id)
    return Person(user.id, org_id, team_id, email, name, sessions.token_for(user))


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
