"""Finding our keys in a text, as scanners of repositories and logs do."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from hyperstrate.auth.keys import api_keys, leaks
from hyperstrate.auth.keys.key_views import KeyView
from hyperstrate.shared.crypto import new_api_key
from hyperstrate.shared.db import unit_of_work
from tests.people import Part, People

ClientAs = Callable[[Part | None], FlaskClient]


def _key(org_id: str) -> KeyView:
    with unit_of_work():
        return api_keys.issue(org_id, "CI", scope="global")


def test_says_which_strings_are_keys_of_ours_and_echoes_none_complaint_36(
    client_as: ClientAs, people: People
) -> None:
    own, others, nobodys = _key(people.alice.org_id), _key(people.carol.org_id), new_api_key()
    text = f"a\nkey={own.plaintext};\n{others.plaintext} {nobodys}\n{own.plaintext}"

    answer = client_as("admin").post("/auth/api-keys/check", json={"text": text})

    found = answer.get_json()["data"]
    assert [(leak["line"], leak.get("id")) for leak in found] == [
        (2, own.key.id),
        (3, None),
        (3, None),
    ]
    assert found[0]["name"] == "CI"
    assert found[0]["kind"] == "api_key"
    assert found[0]["status"] == "active"
    for secret in (own.plaintext, others.plaintext, nobodys):
        assert str(secret)[10:] not in answer.text


def test_what_has_a_wrong_checksum_asks_no_database(
    client_as: ClientAs, people: People, statements: list[str]
) -> None:
    wrong = "hs_" + "x" * 38
    statements.clear()

    assert leaks.check(people.alice.org_id, f"{wrong} {new_api_key()}x") == []
    assert statements == []


def test_an_old_secret_is_found_as_one(client_as: ClientAs, people: People) -> None:
    view = _key(people.alice.org_id)
    client = client_as("admin")
    client.post(f"/auth/api-keys/{view.key.id}/rotate", json={"overlapMinutes": 60})

    found = client.post("/auth/api-keys/check", json={"text": view.plaintext}).get_json()["data"]

    assert found[0]["isPrevious"] is True


def test_a_member_checks_nothing(client_as: ClientAs) -> None:
    who: list[tuple[Part | None, int]] = [("member", 403), ("viewer", 403), (None, 401)]
    for part, status in who:
        answer = client_as(part).post("/auth/api-keys/check", json={"text": "x"})
        assert answer.status_code == status


def test_the_command_reads_a_text_and_fails_when_a_key_is_in_it(app: Flask, people: People) -> None:
    view = _key(people.alice.org_id)
    runner = app.test_cli_runner()

    leaked = runner.invoke(args=["keys", "check"], input=f"x\n{view.plaintext}\n")
    clean = runner.invoke(args=["keys", "check"], input="nothing here\n")

    assert leaked.exit_code == 1
    assert "line 2" in leaked.output
    assert view.key.id in leaked.output
    assert str(view.plaintext) not in leaked.output
    assert clean.exit_code == 0
