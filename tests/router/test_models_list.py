"""The list of models names what the caller may call, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.people import Part, People
from tests.router import building

ClientAs = Callable[[Part | None], FlaskClient]


@pytest.fixture
def admin(client_as: ClientAs) -> FlaskClient:
    return client_as("admin")


@pytest.fixture
def application(client_as: ClientAs) -> FlaskClient:
    """Sends nothing but the headers that a test gives it."""
    return client_as(None)


def ids(client: FlaskClient, path: str, key: str = "") -> list[str]:
    answer = client.get(path, headers={"x-api-key": key} if key else {})
    assert answer.status_code == 200, answer.text
    return [entry["id"] for entry in answer.get_json()["data"]]


def status(client: FlaskClient, path: str, key: str) -> int:
    return client.get(path, headers={"x-api-key": key}).status_code


def test_the_entries_are_in_words_that_both_sdks_read(admin: FlaskClient) -> None:
    router_id = building.active(admin, "support")

    body: dict[str, Any] = admin.get(f"/router/{router_id}/v1/models").get_json()

    assert body["object"] == "list"
    assert body["has_more"] is False
    assert (body["first_id"], body["last_id"]) == ("support", "dummy")
    assert body["data"][0] == {
        "id": "support", "object": "model", "type": "model", "created": 0,
        "created_at": "1970-01-01T00:00:00Z", "display_name": "support",
        "owned_by": "hyperstrate",
    }  # fmt: skip
    assert body["data"][1]["owned_by"] == "dummy"


def test_without_a_router_the_active_ones_are_named(
    admin: FlaskClient, application: FlaskClient
) -> None:
    for name in ("support", "billing"):
        building.active(admin, name)
    building.router(admin, "a draft")

    assert ids(application, "/v1/models", building.key(admin)) == ["billing", "support"]
    assert ids(admin, "/v1/models") == ["billing", "support"]


def test_there_may_be_none(admin: FlaskClient) -> None:
    body = admin.get("/v1/models").get_json()

    assert (body["data"], body["first_id"], body["last_id"]) == ([], None, None)


def test_a_bound_key_sees_its_router_only(admin: FlaskClient, application: FlaskClient) -> None:
    own, other = building.active(admin, "support"), building.active(admin, "billing")
    key, model_id = building.key(admin, own), building.model(admin)

    assert ids(application, "/v1/models", key) == ["support", "dummy"]
    assert ids(application, f"/proxy/router/{own}/models", key) == ["support", "dummy"]
    assert status(application, f"/router/{other}/v1/models", key) == 403
    assert status(application, f"/proxy/ai/{model_id}/v1/models", key) == 403


def test_a_router_of_another_team_is_not_named(
    admin: FlaskClient, application: FlaskClient, people: People
) -> None:
    building.active(admin, "support")
    closed = building.active(admin, "closed")
    team = admin.post("/auth/teams", json={"name": "Research"}).get_json()
    admin.post(f"/router/{closed}/access", json={"teamId": team["id"]})
    key = building.key(admin)

    assert ids(application, "/v1/models", key) == ["support"]
    assert status(application, f"/router/{closed}/v1/models", key) == 403
    assert ids(admin, "/v1/models") == ["closed", "support"]

    admin.post(f"/router/{closed}/access", json={"teamId": people.alice.team_id})
    assert ids(application, "/v1/models", key) == ["closed", "support"]


def test_a_model_names_itself(admin: FlaskClient, application: FlaskClient) -> None:
    model_id = building.model(admin)

    assert ids(application, f"/proxy/ai/{model_id}/v1/models", building.key(admin)) == ["dummy"]


@pytest.mark.parametrize(
    "base", ["/router/{router}/v1", "/proxy/router/{router}", "/proxy/ai/{model}"]
)
def test_what_is_anothers_is_not_there(admin: FlaskClient, client_as: ClientAs, base: str) -> None:
    router_id, model_id = building.active(admin), building.model(admin)
    path = f"{base.format(router=router_id, model=model_id)}/models"

    assert client_as("stranger").get(path).status_code == 404
    assert ids(client_as("stranger"), "/v1/models") == []
    assert client_as(None).get(path).status_code == 401


def test_two_targets_of_a_model_are_one_entry(admin: FlaskClient) -> None:
    router_id = building.active(admin, "support")
    building.target(admin, router_id)

    assert ids(admin, f"/router/{router_id}/v1/models") == ["support", "dummy"]


@pytest.mark.parametrize(
    "base",
    ["/v1", "/router/{id}/v1", "/router/{id}", "/proxy/router/{id}", "/proxy/router/{id}/v1/v1"],
)
def test_one_model_is_the_entry_of_the_list(
    admin: FlaskClient, application: FlaskClient, base: str
) -> None:
    router_id = building.active(admin, "support")
    headers = {"x-api-key": building.key(admin, router_id)}
    path = f"{base.format(id=router_id)}/models"
    listed = application.get(path, headers=headers).get_json()["data"]

    answers = [application.get(f"{path}/{name}", headers=headers) for name in ("support", "dummy")]

    assert [answer.get_json() for answer in answers] == listed
    assert application.post(f"{path}/dummy", headers=headers).status_code == 405


def test_a_model_that_is_not_there_is_a_404_in_the_dialect(
    admin: FlaskClient, application: FlaskClient
) -> None:
    key = {"x-api-key": building.key(admin)}
    claude = {**key, "anthropic-version": "2023-06-01"}

    openai = application.get("/v1/models/gpt-5", headers=key)
    anthropic = application.get("/v1/models/gpt-5", headers=claude)

    assert openai.status_code == anthropic.status_code == 404
    assert openai.get_json()["error"]["code"] == "not_found"
    assert "gpt-5" in openai.get_json()["error"]["message"]
    assert anthropic.get_json()["type"] == "error"
    assert anthropic.get_json()["error"]["type"] == "not_found_error"
