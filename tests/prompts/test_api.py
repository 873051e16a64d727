"""REST for prompts, at the original's paths and in its words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.people import Part

ClientAs = Callable[[Part | None], FlaskClient]
ROUTES = [
    ("GET", "/prompts"), ("POST", "/prompts"), ("GET", "/prompts/{id}"), ("PATCH", "/prompts/{id}"),
    ("DELETE", "/prompts/{id}"), ("GET", "/prompts/{id}/versions"),
    ("GET", "/prompts/{id}/versions/{version}"),
    ("POST", "/prompts/{id}/versions/{version}/restore"),
]  # fmt: skip


@pytest.fixture
def admin(client_as: ClientAs) -> FlaskClient:
    return client_as("admin")


def make(client: FlaskClient, name: str = "Greeting", content: str = "Hi {{name}}") -> Any:
    made = client.post("/prompts", json={"name": name, "content": content})
    assert made.status_code == 201, made.text
    return made.get_json()


def versions(client: FlaskClient, prompt_id: str) -> list[dict[str, Any]]:
    return list(client.get(f"/prompts/{prompt_id}/versions").get_json()["items"])


def test_a_prompt_is_saved_read_changed_and_deleted(admin: FlaskClient) -> None:
    made = make(admin)
    path = f"/prompts/{made['id']}"
    assert (made["name"], made["content"], made["variables"]) == (
        "Greeting",
        "Hi {{name}}",
        ["name"],
    )
    assert made["id"].startswith("prm_")

    assert admin.get(path).get_json() == made
    changed = admin.patch(path, json={"content": "Bye"}).get_json()
    assert (changed["name"], changed["content"], changed["variables"]) == ("Greeting", "Bye", [])
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404


def test_versions_are_listed_read_and_restored(admin: FlaskClient) -> None:
    prompt_id = make(admin)["id"]
    admin.patch(f"/prompts/{prompt_id}", json={"content": "Bye"})

    newest, first = versions(admin, prompt_id)
    assert [newest["version"], first["version"]] == [2, 1]
    assert first["promptId"] == prompt_id
    path = f"/prompts/{prompt_id}/versions/{first['id']}"
    assert admin.get(path).get_json() == first

    restored = admin.post(f"{path}/restore").get_json()
    assert (restored["id"], restored["content"]) == (prompt_id, "Hi {{name}}")
    assert [row["version"] for row in versions(admin, prompt_id)] == [3, 2, 1]
    page = admin.get(f"/prompts/{prompt_id}/versions?perPage=1&page=3").get_json()
    assert [row["version"] for row in page["items"]] == [1]


def test_lists_come_newest_first_in_pages_and_are_searched(admin: FlaskClient) -> None:
    first, second = make(admin, "first"), make(admin, "second", "Something else")

    ids = [row["id"] for row in admin.get("/prompts").get_json()["items"]]
    found = [row["id"] for row in admin.get("/prompts?query=hi%20{{").get_json()["items"]]

    assert ids == [second["id"], first["id"]]
    assert found == [first["id"]]


def test_space_around_a_text_is_kept(admin: FlaskClient) -> None:
    assert make(admin, content="  Hi\n")["content"] == "  Hi\n"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"content": "x"}, "name"),
        ({"name": "x"}, "content"),
        ({"name": "x", "content": ""}, "content"),
        ({"name": "x", "content": 7}, "content"),
        ({"name": "a" * 256, "content": "x"}, "name"),
        ({"name": "x", "content": "{{first name}}"}, "content"),
        ({"name": "x", "content": "a\0b"}, "content"),
        ({"name": "x", "content": "\ud800"}, "content"),
    ],
)
def test_nonsense_is_refused_with_its_field(
    admin: FlaskClient, body: dict[str, Any], field: str
) -> None:
    refused = admin.post("/prompts", json=body)

    assert refused.status_code == 400, refused.text
    assert list(refused.get_json()["fields"]) == [field]
    assert admin.get("/prompts").get_json()["meta"]["total"] == 0


@pytest.mark.parametrize("body", [{"content": ""}, {"name": ""}, {"content": "{{"}])
def test_a_change_of_nonsense_is_refused(admin: FlaskClient, body: dict[str, str]) -> None:
    made = make(admin)

    refused = admin.patch(f"/prompts/{made['id']}", json=body)

    assert refused.status_code == 400
    assert list(refused.get_json()["fields"]) == list(body)
    assert admin.get(f"/prompts/{made['id']}").get_json() == made


def test_unknown_fields_are_ignored(admin: FlaskClient) -> None:
    body = {"name": "x", "content": "y", "variables": ["mine"], "orgId": "org_x"}

    assert admin.post("/prompts", json=body).get_json()["variables"] == []


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_only_admins_come_in(
    client_as: ClientAs, admin: FlaskClient, method: str, path: str
) -> None:
    prompt_id = make(admin)["id"]
    path = path.format(id=prompt_id, version=versions(admin, prompt_id)[0]["id"])

    assert client_as("member").open(path, method=method, json={}).status_code == 403
    assert client_as(None).open(path, method=method, json={}).status_code == 401


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "{id}" in route[1]])
def test_another_organizations_prompt_is_not_there(
    client_as: ClientAs, admin: FlaskClient, method: str, path: str
) -> None:
    made, stranger = make(admin), client_as("stranger")
    path = path.format(id=made["id"], version=versions(admin, made["id"])[0]["id"])

    assert stranger.open(path, method=method, json={"content": "Mine"}).status_code == 404
    assert stranger.get("/prompts").get_json()["items"] == []
    assert admin.get(f"/prompts/{made['id']}").get_json() == made


def test_a_prompt_in_use_is_a_conflict(client_as: ClientAs) -> None:
    admin = client_as("admin")
    prompt_id = admin.post("/prompts", json={"name": "Brief", "content": "Be brief"}).get_json()[
        "id"
    ]
    body = {"name": "support", "strategy": "failover", "promptId": prompt_id}
    admin.post("/router", json=body)

    refused = admin.delete(f"/prompts/{prompt_id}")

    assert refused.status_code == 409
    assert "support" in refused.get_json()["error"]
    assert admin.get(f"/prompts/{prompt_id}").status_code == 200
