"""Rotation: two secrets for a while, never three, and who still uses the old one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hyperstrate.auth.keys import api_keys, verifying
from hyperstrate.auth.models import APIKey
from hyperstrate.events import RequestsRecorded, requests_recorded
from hyperstrate.shared.crypto import hash_key, new_api_key
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.errors import Unauthorized
from tests.people import Part, People

ClientAs = Callable[[Part | None], FlaskClient]


class Application:
    """An API key over REST, and the one who looks after it."""

    def __init__(self, client: FlaskClient, org_id: str) -> None:
        self.client, self.org_id = client, org_id
        body = {"name": "CI", "scope": "global"}
        made = client.post("/auth/api-keys", json=body).get_json()
        self.path, self.id, self.first = f"/auth/api-keys/{made['id']}", made["id"], made["key"]

    def rotate(self, *, status: int = 200, **body: Any) -> dict[str, Any]:
        answer = self.client.post(f"{self.path}/rotate", json=body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(self.path).get_json()
        return found

    def use(self, secret: str) -> None:
        used = {(self.org_id, self.id, verifying.verify(secret).key_prefix): now()}
        requests_recorded.emit(RequestsRecorded(used))
        session.expire_all()


@pytest.fixture
def key(client_as: ClientAs, people: People) -> Application:
    return Application(client_as("admin"), people.alice.org_id)


def refusal(secret: str) -> str:
    with pytest.raises(Unauthorized) as refused:
        verifying.verify(secret)
    return refused.value.message


def test_both_secrets_work_until_the_overlap_ends_complaint_35(
    key: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = key.rotate(overlapMinutes=60)["key"]

    assert verifying.verify(key.first).key_id == verifying.verify(second).key_id == key.id
    later = now() + timedelta(minutes=60)
    monkeypatch.setattr(verifying, "time", later.timestamp)
    assert refusal(key.first) == "this API key was rotated: send its new secret"
    assert verifying.verify(second)


def test_a_rotation_keeps_the_id_and_everything_else_complaint_35(key: Application) -> None:
    before = key.state()

    key.rotate(overlapMinutes=60)

    changed = {"prefix", "rotation", "modifiedAt"}
    after = key.state()
    assert {name: after[name] for name in before if name not in changed} == {
        name: value for name, value in before.items() if name not in changed
    }


def test_the_same_rotation_twice_changes_nothing_complaint_35(key: Application) -> None:
    second = key.rotate(overlapMinutes=60, rotationId="release-7")["key"]
    state = key.state()

    again = key.rotate(overlapMinutes=60, rotationId="release-7")

    assert "key" not in again
    assert again["rotation"] == state["rotation"]
    assert key.state() == state
    assert verifying.verify(key.first)
    assert verifying.verify(second)


def test_there_is_never_a_third_secret_that_works(key: Application) -> None:
    second = key.rotate(overlapMinutes=60)["key"]
    key.use(second)

    refused = key.rotate(overlapMinutes=60, status=409)

    assert "finish it first" in refused["error"]
    assert verifying.verify(key.first)
    assert verifying.verify(second)


def test_a_secret_that_was_lost_before_it_was_used_is_replaced(key: Application) -> None:
    lost = key.rotate(overlapMinutes=60, rotationId="1")["key"]

    third = key.rotate(overlapMinutes=60, rotationId="2")["key"]

    assert verifying.verify(key.first)
    assert verifying.verify(third)
    assert refusal(lost) == "the API key is not valid"


def test_a_rotation_without_overlap_ends_every_older_secret(key: Application) -> None:
    second = key.rotate(overlapMinutes=60)["key"]
    key.use(second)

    third = key.rotate()["key"]

    for old in (key.first, second):
        assert refusal(old) == "the API key is not valid"
    assert verifying.verify(third)


def test_finishing_kills_the_old_secret_now_and_twice_is_as_good(key: Application) -> None:
    second = key.rotate(overlapMinutes=60)["key"]
    assert verifying.verify(key.first)

    for _ in range(2):
        answer = key.client.post(f"{key.path}/finish-rotation")
        assert answer.status_code == 200
        assert answer.get_json()["rotation"]["isOverlapping"] is False

    assert refusal(key.first) == "the API key is not valid"
    assert verifying.verify(second)


def test_each_secret_has_its_last_use_complaint_35(key: Application) -> None:
    key.use(key.first)
    second = key.rotate(overlapMinutes=60)["key"]
    fresh = key.state()["rotation"]
    key.use(key.first)
    of_old = key.state()["rotation"]
    key.use(second)
    of_both = key.state()["rotation"]

    assert "lastUsedAt" not in fresh
    assert "lastUsedAt" not in of_old
    assert of_old["previousLastUsedAt"] > fresh["previousLastUsedAt"]
    assert of_both["previousLastUsedAt"] == of_old["previousLastUsedAt"]
    assert of_both["lastUsedAt"] > of_old["previousLastUsedAt"]
    assert key.state()["lastUsedAt"] == of_both["lastUsedAt"]


@pytest.mark.parametrize("minutes", [-1, 10_081, "soon"])
def test_an_overlap_is_from_nothing_to_a_week(key: Application, minutes: Any) -> None:
    refused = key.rotate(overlapMinutes=minutes, status=400)

    assert "overlapMinutes" in refused["fields"]
    assert verifying.verify(key.first)


def test_a_disabled_key_is_refused_by_both_secrets(key: Application) -> None:
    second = key.rotate(overlapMinutes=60)["key"]

    key.client.patch(key.path, json={"isEnabled": False})

    assert refusal(key.first) == refusal(second) == "this API key is disabled"


def test_no_secret_stands_in_a_table_or_the_audit_complaint_36(
    key: Application, client_as: ClientAs
) -> None:
    second = key.rotate(overlapMinutes=60)["key"]

    row = session.get_one(APIKey, key.id)
    kept = str({column.key: getattr(row, column.key) for column in APIKey.__table__.columns})
    audited = client_as("admin").get("/audit/logs?perPage=100").text
    for secret in (key.first, second):
        assert secret not in kept
        assert secret not in audited
        assert hash_key(secret) not in audited


def test_keys_are_told_apart_by_the_whole_hash_lesson_e(
    key: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifying.verify(key.first)
    almost = hash_key(key.first)[:-1] + ("0" if hash_key(key.first)[-1] != "0" else "1")
    monkeypatch.setattr(verifying, "hash_key", lambda _: almost)

    assert refusal(new_api_key()) == "the API key is not valid"
    assert len(session.get_one(APIKey, key.id).key_hash) == 64


def test_one_rotation_asked_for_by_two_at_once_is_made_once(key: Application, app: Flask) -> None:
    begin = Barrier(2)

    def rotate() -> str:
        with app.app_context():
            begin.wait()
            with unit_of_work():
                view = api_keys.rotate(key.org_id, key.id, overlap_minutes=5, rotation_id="a")
            return view.plaintext

    with ThreadPoolExecutor(2) as pool:
        made = [future.result() for future in [pool.submit(rotate) for _ in range(2)]]

    (second,) = filter(None, made)
    assert verifying.verify(key.first)
    assert verifying.verify(second)
