"""The people of the tests, and the clients they use: two organisations, Acme and Globex."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal

from flask import Flask
from flask import session as cookie
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from sqlalchemy import Table, select
from werkzeug.test import TestResponse

from hyperstrate.auth.models import Session
from hyperstrate.auth.pages import browser
from hyperstrate.auth.people import directory, organizations, passwords, sessions, teams
from hyperstrate.auth.people.directory import Role
from hyperstrate.auth.people.sessions import Device
from hyperstrate.shared.cache import CacheVersion, bump
from hyperstrate.shared.db import db, now, session, unit_of_work
from hyperstrate.shared.ids import new_id

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


@dataclass(frozen=True)
class _Original:
    """The rows that the services wrote for :func:`learn`, and the caches that heard of them."""

    people: People
    rows: dict[Table, list[dict[str, Any]]]
    topics: list[str]
    at: datetime


_original: list[_Original] = []


def learn() -> None:
    """Let the services settle the people once in this process; the tables are empty again."""
    if _original:
        return
    people, at = _settle(), now()
    rows = {table: _rows(table) for table in db.metadata.sorted_tables}
    topics = list(session.scalars(select(CacheVersion.topic)))
    kept = {
        table: found for table, found in rows.items() if found and table.name.startswith("auth_")
    }
    _original.append(_Original(people, kept, topics, at))
    for table in reversed(db.metadata.sorted_tables):
        session.execute(table.delete())
    session.commit()


def settle() -> People:
    """Save the two organisations and their people: as :func:`learn` saw it, under new ids."""
    [original] = _original
    every = [row["id"] for rows in original.rows.values() for row in rows if "id" in row]
    new_ids = {old: new_id(old.rpartition("_")[0]) for old in every}
    later = now() - original.at

    def copied(value: Any) -> Any:
        if isinstance(value, datetime):
            return value + later
        return new_ids.get(value, value) if isinstance(value, str) else value

    with unit_of_work():
        for table, rows in original.rows.items():
            given = [{name: copied(value) for name, value in row.items()} for row in rows]
            session.connection().execute(table.insert(), given)
        for topic in original.topics:
            bump(topic)
    session.rollback()
    signed = session.scalars(select(Session))
    tokens = {each.user_id: sessions.token_for(each) for each in signed}
    cast = vars(original.people).items()
    return People(**{name: _met(person, new_ids, tokens) for name, person in cast})


def _met(person: Person, new_ids: Mapping[str, str], tokens: Mapping[str, str]) -> Person:
    id_, org_id, team_id = (new_ids[it] for it in (person.id, person.org_id, person.team_id))
    return replace(person, id=id_, org_id=org_id, team_id=team_id, token=tokens[id_])


def _rows(table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in session.execute(table.select()).mappings()]


def _settle() -> People:
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
        """Have what the form gives: a session, its cookie and the CSRF token."""
        device = Device("browser", "127.0.0.1", self.client.environ_base["HTTP_USER_AGENT"])
        with unit_of_work():
            signed = sessions.begin(person.id, person.org_id, device)
        app, environ = self.client.application, self.client.environ_base
        with app.app_context(), app.test_request_context(environ_base=environ):
            browser.enter(signed.id)
            self.csrf_token = generate_csrf()
            given = dict(cookie)
        with self.client.session_transaction() as kept:
            kept.update(given)
        return self

    def _kept(self, answer: TestResponse) -> TestResponse:
        found = _CSRF.search(answer.text) if answer.mimetype == "text/html" else None
        self.csrf_token = found[1] if found else self.csrf_token
        return answer
