"""API keys: made, checked, changed, rotated and deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from hyperstrate.auth.keys import api_keys, key_views, verifying
from hyperstrate.auth.keys.key_views import KeyView
from hyperstrate.auth.models import APIKey, Organization, Team
from hyperstrate.auth.people import teams
from hyperstrate.events import RequestsRecorded, requests_recorded
from hyperstrate.shared.cache import bump
from hyperstrate.shared.crypto import has_valid_checksum, hash_key, new_api_key
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.errors import Unauthorized
from tests.people import People

ClientAs = Callable[[str | None], FlaskClient]


def _issue(client: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/auth/api-keys", json={"name": "CI", "scope": "global", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def _key(org_id: str, **options: Any) -> KeyView:
    with unit_of_work():
        return api_keys.issue(org_id, "CI", scope="global", **options)


def _refusal(plaintext: str) -> str:
    with pytest.raises(Unauthorized) as refused:
        verifying.verify(plaintext)
    return refused.value.message


def test_a_new_key_is_shown_once_and_kept_as_a_hash(client_as: ClientAs, people: People) -> None:
    client = client_as("admin")

    made = _issue(client, description="builds", expiresAt="2099-01-01T00:00:00Z")

    assert has_valid_checksum(made["key"])
    assert made["team"] == {"id": people.alice.team_id, "name": "Default"}
    assert made["createdBy"] == people.alice.id
    assert made["expiresAt"].startswith("2099-01-01T00:00:00")
    kept = session.get_one(APIKey, made["id"])
    assert kept.key_hash == hash_key(made["key"])
    assert made["key"].startswith(kept.prefix)
    listed = client.get("/auth/api-keys").get_json()["items"]
    assert "key" not in listed[0]
    assert made["key"] not in str(listed)
    assert listed[0]["status"] == "active"


def test_a_router_key_opens_its_router(client_as: ClientAs, people: People, router_id: str) -> None:
    made = _issue(client_as("admin"), scope="router", routerId=router_id)

    caller = verifying.verify(made["key"])

    assert made["router"] == {"id": router_id, "name": "Support"}
    assert caller.router_id == router_id
    assert not caller.is_global
    assert caller.org_id == people.alice.org_id
    assert caller.team_ids == (people.alice.team_id,)
    assert caller.key_id == made["id"]
    assert not caller.is_admin


def test_only_an_admin_sees_and_makes_keys(client_as: ClientAs) -> None:
    made = _issue(client_as("admin"))
    with_key = client_as(None)
    with_key.environ_base["HTTP_X_API_KEY"] = made["key"]

    for client, status in ((client_as("member"), 403), (client_as(None), 401), (with_key, 401)):
        assert client.get("/auth/api-keys").status_code == status
        assert client.post("/auth/api-keys", json={"name": "x"}).status_code == status


def test_another_organisation_s_key_is_not_found(client_as: ClientAs) -> None:
    made = _issue(client_as("admin"))
    path = f"/auth/api-keys/{made['id']}"
    stranger = client_as("stranger")

    assert stranger.get(path).status_code == 404
    assert stranger.patch(path, json={"isEnabled": False}).status_code == 404
    assert stranger.post(f"{path}/rotate").status_code == 404
    assert stranger.delete(path).status_code == 404
    assert stranger.get("/auth/api-keys").get_json()["items"] == []
    assert verifying.verify(made["key"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name": ["this field is required"], }),
        ({"name": " "}, {"name": ["this field is required"]}),
        ({"name": "x" * 256}, {"name": ["must be at most 255 characters"]}),
        ({"name": 5}, {"name": ["must be text"]}),
        ({"name": "a\0b"}, {"name": ["has characters that cannot be stored"]}),
        ({"name": "a\ud800"}, {"name": ["has characters that cannot be stored"]}),
        ({"name": "x", "scope": "all"}, {"scope": ["must be one of: router global"]}),
        ({"name": "x"}, {"routerId": ["this field is required"]}),
        ({"name": "x", "routerId": "r" * 300}, {"routerId": ["must be at most 100 characters"]}),
        (
            {"name": "x", "scope": "global", "routerId": "rtr_1"},
            {"routerId": ["must be empty: a global key opens every router"]},
        ),
        (
            {"name": "x", "scope": "global", "expiresAt": "2001-01-01T00:00:00Z"},
            {"expiresAt": ["must be in the future, within a hundred years"]},
        ),
        (
            {"name": "x", "scope": "global", "expiresAt": "9999-12-31T23:59:59-12:00"},
            {"expiresAt": ["must be in the future, within a hundred years"]},
        ),
        (
            {"name": "x", "scope": "global", "expiresAt": "soon"},
            {"expiresAt": ["must be a time such as 2027-01-31T00:00:00Z"]},
        ),
    ],
)  # fmt: skip
def test_names_what_is_wrong_with_a_key(
    client_as: ClientAs, body: dict[str, Any], fields: dict[str, list[str]]
) -> None:
    answer = client_as("admin").post("/auth/api-keys", json=body)

    assert answer.status_code == 400
    assert answer.get_json() == {"error": "validation failed", "fields": fields}


def test_refuses_unknown_routers_and_teams_and_those_of_others(
    client_as: ClientAs, people: People, router_id: str
) -> None:
    client = client_as("admin")

    for body in (
        {"routerId": "rtr_nobody"},
        {"routerId": "rtr_globex"},
        {"routerId": router_id, "teamId": "team_nobody"},
        {"routerId": router_id, "teamId": people.carol.team_id},
    ):
        assert client.post("/auth/api-keys", json={"name": "x", **body}).status_code == 404


def test_unknown_fields_and_nulls_are_ignored(client_as: ClientAs) -> None:
    made = _issue(client_as("admin"), colour="red", teamId=None)

    assert "expiresAt" not in made


def test_lists_by_router_and_team_in_pages(
    client_as: ClientAs, people: People, router_id: str
) -> None:
    client = client_as("admin")
    with unit_of_work():
        other = teams.create(people.alice.org_id, "Research").id
    first = _issue(client, name="first", scope="router", routerId=router_id)
    second = _issue(client, name="second", teamId=other)

    def names(query: str) -> list[str]:
        items = client.get(f"/auth/api-keys{query}").get_json()["items"]
        return [item["name"] for item in items]

    assert names("") == ["second", "first"]
    assert names(f"?routerId={router_id}") == ["first"]
    assert names(f"?teamId={other}") == ["second"]
    assert names("?perPage=1&page=2") == ["first"]
    assert names("?page=9") == []
    assert names(f"?page={10**30}&perPage={10**30}") == []
    meta = client.get("/auth/api-keys?perPage=1").get_json()["meta"]
    assert meta == {"total": 2, "count": 1, "perPage": 1, "pages": 2, "page": 1}
    assert {first["team"]["name"], second["team"]["name"]} == {"Default", "Research"}


def test_a_router_that_is_gone_leaves_no_name(
    client_as: ClientAs, people: People, routers: Any, router_id: str
) -> None:
    client = client_as("admin")
    made = _issue(client, scope="router", routerId=router_id)

    routers.of[people.alice.org_id] = {}

    answer = client.get(f"/auth/api-keys/{made['id']}").get_json()
    assert answer["routerId"] == router_id
    assert "router" not in answer


def test_disables_and_enables(client_as: ClientAs) -> None:
    client = client_as("admin")
    made = _issue(client)
    path = f"/auth/api-keys/{made['id']}"
    assert verifying.verify(made["key"])

    client.patch(path, json={"isEnabled": False})
    refusal = _refusal(made["key"])
    answer = client.patch(path, json={"isEnabled": True, "name": "New", "description": "d"})

    assert refusal == "this API key is disabled"
    assert answer.get_json()["name"] == "New"
    assert answer.get_json()["description"] == "d"
    assert verifying.verify(made["key"])


def test_a_change_keeps_what_it_does_not_name(client_as: ClientAs) -> None:
    client = client_as("admin")
    made = _issue(client, description="builds", expiresAt="2099-01-01T00:00:00Z")
    path = f"/auth/api-keys/{made['id']}"

    renamed = client.patch(path, json={"name": "New"}).get_json()
    forever = client.patch(path, json={"expiresAt": None}).get_json()

    assert renamed["description"] == "builds"
    assert renamed["expiresAt"]
    assert "expiresAt" not in forever
    assert client.patch(path, json={"name": ""}).status_code == 400
    assert client.patch(path, json={"isEnabled": "perhaps"}).status_code == 400


def test_an_expired_key_is_refused_though_it_is_remembered(
    monkeypatch: pytest.MonkeyPatch, people: People
) -> None:
    expires_at = now() + timedelta(hours=1)
    view = _key(people.alice.org_id, expires_at=expires_at)
    assert verifying.verify(view.plaintext)

    monkeypatch.setattr(verifying, "time", lambda: expires_at.timestamp())
    monkeypatch.setattr(key_views, "now", lambda: expires_at)

    assert _refusal(view.plaintext) == "this API key has expired"
    assert api_keys.get(people.alice.org_id, view.key.id).status == "expired"


def test_a_rotated_key_is_dead_at_once(client_as: ClientAs) -> None:
    client = client_as("admin")
    made = _issue(client)
    assert verifying.verify(made["key"])

    rotated = client.post(f"/auth/api-keys/{made['id']}/rotate").get_json()

    assert rotated["key"] != made["key"]
    assert rotated["id"] == made["id"]
    assert verifying.verify(rotated["key"]).key_id == made["id"]
    assert _refusal(made["key"]) == "the API key is not valid"


def test_a_deleted_key_is_dead_at_once(client_as: ClientAs) -> None:
    client = client_as("admin")
    made = _issue(client)
    assert verifying.verify(made["key"])

    assert client.delete(f"/auth/api-keys/{made['id']}").status_code == 204

    assert _refusal(made["key"]) == "the API key is not valid"
    assert client.get(f"/auth/api-keys/{made['id']}").status_code == 404


def test_a_disabled_team_keeps_its_keys_out(people: People) -> None:
    view = _key(people.alice.org_id)
    assert verifying.verify(view.plaintext)

    with unit_of_work():
        teams.update(people.alice.org_id, people.alice.team_id, {"is_enabled": False})

    assert _refusal(view.plaintext) == "the team of this API key is disabled"
    assert api_keys.get(people.alice.org_id, view.key.id).status == "team disabled"


def test_a_disabled_organisation_keeps_its_keys_out(people: People) -> None:
    view = _key(people.alice.org_id)

    with unit_of_work():
        session.get_one(Organization, people.alice.org_id).is_enabled = False
        bump("keys")

    assert _refusal(view.plaintext) == "this organization is disabled"


def test_without_an_enabled_team_one_must_be_made_first(
    client_as: ClientAs, people: People
) -> None:
    with unit_of_work():
        session.get_one(Team, people.alice.team_id).is_enabled = False

    answer = client_as("admin").post("/auth/api-keys", json={"name": "x", "scope": "global"})

    assert answer.status_code == 404
    assert answer.get_json() == {"error": "there is no enabled team"}


def test_what_is_no_key_of_ours_is_refused_without_sql(
    statements: list[str], people: People
) -> None:
    statements.clear()

    for made_up in ("hs_", "hs_" + "x" * 38, "hs_" + "é" * 38, "hs_" + "x" * 10_000):
        assert _refusal(made_up) == "the API key is not valid"

    assert statements == []


def test_an_unknown_key_is_looked_up_once(statements: list[str], people: People) -> None:
    stranger = new_api_key()
    statements.clear()

    for _ in range(3):
        assert _refusal(stranger) == "the API key is not valid"

    assert len([line for line in statements if line.startswith("SELECT")]) == 1


def test_unknown_keys_fill_no_memory() -> None:
    assert verifying._unknown.maxsize <= 10_000


def test_a_known_key_is_checked_without_sql(statements: list[str], people: People) -> None:
    plaintext = _key(people.alice.org_id).plaintext
    verifying.verify(plaintext)
    statements.clear()

    assert verifying.verify(plaintext).org_id == people.alice.org_id

    assert statements == []


def test_the_last_use_is_noted_and_nothing_else(people: People) -> None:
    view = _key(people.alice.org_id)
    modified_at = view.key.modified_at
    used_at = datetime(2026, 11, 22, 10, tzinfo=UTC)
    key_id, prefix = view.key.id, view.key.prefix

    for org_id, sent, hours in (
        (people.alice.org_id, prefix, 0),
        (people.alice.org_id, prefix, -1),
        (people.carol.org_id, prefix, 1),
        (people.alice.org_id, "hs_other", 2),
    ):
        moment = used_at + timedelta(hours=hours)
        requests_recorded.emit(RequestsRecorded({(org_id, key_id, sent): moment}))

    session.expire_all()
    kept = session.get_one(APIKey, key_id)
    assert kept.last_used_at == used_at
    assert kept.previous_last_used_at is None
    assert kept.modified_at == modified_at


def test_an_odd_id_is_refused(client_as: ClientAs) -> None:
    client = client_as("admin")

    for odd in ("k" * 300, "%00", "akey_%0a"):
        assert client.get(f"/auth/api-keys/{odd}").status_code == 400
        assert client.delete(f"/auth/teams/{odd}").status_code == 400
    assert client.get("/auth/api-keys/akey_nobody").status_code == 404
