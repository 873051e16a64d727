"""The state of the installation over REST: for platform admins, and of one's own for admins."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.observability.pages.conftest import app  # noqa: F401 secrets are in all modules' tables
from tests.people import Client, Part, People, client

ClientAs = Callable[[Part], Client]


@pytest.fixture
def platform(app: Flask, people: People) -> ClientAs:  # noqa: F811
    """A client with the session token of the one who plays that part."""
    return lambda part: client(app, people.playing(part))


def test_the_status_tells_every_part(platform: ClientAs) -> None:
    answer = platform("platform").get("/system/status")

    found = answer.get_json()
    assert answer.status_code == 200
    assert {part["name"] for part in found["parts"]} >= {"database", "spool", "jobs", "clock"}
    assert found["parts"][0]["facts"]["environment"] == "development"
    assert found["kept"][0]["name"] == "logs"


def test_secrets_are_counted_and_not_shown(platform: ClientAs) -> None:
    answer = platform("platform").get("/system/secrets")

    assert answer.get_json() == {"byKey": [0], "unreadable": 0}


def test_an_admin_is_told_how_long_things_are_kept(platform: ClientAs) -> None:
    answer = platform("admin").get("/system/retention")

    assert answer.get_json()["data"][0] == {
        "name": "logs",
        "days": 90,
        "variable": "LOG_RETENTION_DAYS",
        "count": 0,
        "oldest": None,
        "nextGoesAt": None,
    }


@pytest.mark.parametrize("path", ["/system/status", "/system/secrets"])
@pytest.mark.parametrize("part", ["admin", "member", "viewer", "stranger"])
def test_others_see_nothing_of_the_installation(platform: ClientAs, part: Part, path: str) -> None:
    assert platform(part).get(path).status_code == 403
