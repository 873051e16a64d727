"""The first run: once, with the token, by one."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from hyperstrate.auth.models import Organization, Team, User, UserTeam
from hyperstrate.auth.people import directory, setup
from hyperstrate.auth.runtime import runtime, use
from hyperstrate.config import Config
from hyperstrate.shared.cache import CacheVersion
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import BadRequest, Conflict
from tests.people import Client, People, client

BODY = {
    "setupToken": "set-me-up",
    "orgName": "Acme, Inc.",
    "name": "Alice",
    "email": "Alice@Example.com",
    "password": "correct horse battery",
}


@pytest.fixture
def anybody(app: Flask) -> Client:
    return client(app, None)


def _config(folder: Path) -> Config:
    """Without SETUP_TOKEN."""
    return replace(runtime().config, setup_token="", spool_dir=str(folder / "spool"))


def test_makes_the_organisation_its_admin_and_the_default_team(anybody: Client) -> None:
    answer = anybody.post("/auth/setup", json=BODY)

    assert answer.status_code == 201
    assert answer.json
    assert answer.json["organization"]["name"] == "Acme, Inc."
    assert answer.json["organization"]["slug"] == "acme-inc"
    assert answer.json["user"]["email"] == "alice@example.com"
    assert answer.json["user"]["role"] == "admin"
    assert answer.json["user"]["isPlatformAdmin"] is True
    headers = {"Authorization": f"Bearer {answer.json['token']}"}
    teams = anybody.get("/auth/teams", headers=headers).json
    assert teams
    assert [team["name"] for team in teams["items"]] == ["Default"]
    assert session.scalar(select(func.count()).select_from(UserTeam)) == 1


def test_the_status_tells_whether_it_is_required(anybody: Client) -> None:
    assert anybody.get("/auth/setup/status").json == {"required": True}

    anybody.post("/auth/setup", json=BODY)

    assert anybody.get("/auth/setup/status").json == {"required": False}


def test_is_refused_afterwards(anybody: Client) -> None:
    anybody.post("/auth/setup", json=BODY)

    answer = anybody.post("/auth/setup", json={**BODY, "email": "eve@example.com"})

    assert answer.status_code == 409
    assert session.scalar(select(func.count()).select_from(Organization)) == 1


@pytest.mark.parametrize("token", ["guessed", "set-me-u", "sét-me-up", " "])
def test_is_refused_without_the_token_lesson_f(anybody: Client, token: str) -> None:
    answer = anybody.post("/auth/setup", json={**BODY, "setupToken": token})

    assert answer.status_code in (400, 401)
    assert anybody.get("/auth/setup/status").json == {"required": True}


def test_names_every_wrong_field(anybody: Client) -> None:
    answer = anybody.post(
        "/auth/setup",
        json={"setupToken": "x", "orgName": "o" * 256, "email": "alice", "password": "short"},
    )

    assert answer.status_code == 400
    assert answer.json
    assert answer.json["fields"] == {
        "orgName": ["must be at most 255 characters"],
        "name": ["this field is required"],
        "email": ["must be a valid email address"],
        "password": ["must be at least 12 characters"],
    }


def test_of_two_at_once_one_is_made(app: Flask) -> None:
    at_once = Barrier(2)

    def set_up(number: int) -> int:
        anybody = client(app, None)
        at_once.wait(10)
        body = {**BODY, "email": f"alice{number}@example.com"}
        return anybody.post("/auth/setup", json=body).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(set_up, range(2)))

    assert statuses == [201, 409]
    for table in (Organization, User, Team):
        assert session.scalar(select(func.count()).select_from(table)) == 1


def test_of_two_later_ones_at_once_one_is_made(app: Flask) -> None:
    """The row over which they queue is there already."""
    with unit_of_work():
        session.add(CacheVersion(topic=setup.QUEUE, version=1))

    test_of_two_at_once_one_is_made(app)


def test_guessing_the_token_is_slowed(anybody: Client) -> None:
    statuses = [
        anybody.post("/auth/setup", json={**BODY, "setupToken": "guess"}).status_code
        for _ in range(12)
    ]

    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_a_token_is_made_once_and_kept_on_disk(app: Flask, tmp_path: Path) -> None:
    config = _config(tmp_path)

    first, second = setup.pending_token(config), setup.pending_token(config)

    assert first
    assert first == second
    assert stat.S_IMODE((tmp_path / "setup-token").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["setup-token"]


def test_processes_that_start_at_once_agree_on_the_token(app: Flask, tmp_path: Path) -> None:
    at_once = Barrier(8)

    def start(_: int) -> Any:
        at_once.wait(10)
        with app.app_context():
            return setup.pending_token(_config(tmp_path))

    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(start, range(8)))

    assert len(tokens) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["setup-token"]


def test_the_kept_token_opens_once_and_is_deleted_lesson_f(anybody: Client, tmp_path: Path) -> None:
    config = _config(tmp_path)
    use(replace(runtime(), config=config))
    token = setup.pending_token(config)

    answer = anybody.post("/auth/setup", json={**BODY, "setupToken": token})

    assert answer.status_code == 201
    assert not (tmp_path / "setup-token").exists()
    assert setup.pending_token(config) is None


def test_the_token_stays_when_set_up_fails(anybody: Client, tmp_path: Path) -> None:
    config = _config(tmp_path)
    use(replace(runtime(), config=config))
    token = setup.pending_token(config)

    anybody.post("/auth/setup", json={**BODY, "setupToken": token, "password": "short"})

    assert setup.pending_token(config) == token


def test_bootstrap_does_the_same_without_a_token(app: Flask) -> None:
    with unit_of_work():
        founding = setup.bootstrap("Acme", "alice@example.com", "correct horse battery")

    member = directory.person(founding.organization.id, founding.admin.id)
    assert member.role == "admin"
    assert founding.admin.is_platform_admin
    assert founding.admin.org_id == founding.organization.id
    with pytest.raises(Conflict), unit_of_work():
        setup.bootstrap("Globex", "carol@example.com", "correct horse battery")


def test_bootstrap_refuses_bad_input(app: Flask) -> None:
    with pytest.raises(BadRequest) as refused, unit_of_work():
        setup.bootstrap("", "alice", "short")

    assert set(refused.value.fields) == {"orgName", "email", "password"}


def test_nobody_can_set_up_where_people_are(app: Flask, people: People) -> None:
    assert client(app, None).post("/auth/setup", json=BODY).status_code == 409
