"""REST: routers and who may use them, at the original's paths and in its words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from hyperstrate.shared.ids import new_id
from tests.people import Part, People
from tests.router import building

ClientAs = Callable[[Part | None], FlaskClient]
ROUTES = [
    ("GET", "/router"), ("POST", "/router"), ("GET", "/router/{id}"), ("PATCH", "/router/{id}"),
    ("DELETE", "/router/{id}"), ("GET", "/router/{id}/lint"),
    ("GET", "/router/{id}/access"), ("POST", "/router/{id}/access"),
    ("DELETE", "/router/{id}/access/{team}"),
]  # fmt: skip


@pytest.fixture
def admin(client_as: ClientAs) -> FlaskClient:
    return client_as("admin")


@pytest.fixture
def router_id(admin: FlaskClient) -> str:
    return str(building.router(admin)["id"])


def test_a_router_is_made_read_changed_and_deleted(admin: FlaskClient) -> None:
    made = building.router(admin, "support", description="For customers", storePayloads=True)
    path = f"/router/{made['id']}"
    assert made["status"] == "draft"
    assert (made["strategy"], made["storePayloads"]) == ("failover", True)
    assert made["id"].startswith("rtr_")

    assert admin.get(path).get_json() == made
    changed = admin.patch(path, json={"name": "help", "strategy": "random"}).get_json()
    assert (changed["name"], changed["strategy"]) == ("help", "random")
    assert changed["description"] == "For customers"
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404


def test_lists_come_newest_first_in_pages(admin: FlaskClient) -> None:
    first, second = building.router(admin, "first"), building.router(admin, "second")

    whole = admin.get("/router").get_json()
    page = admin.get("/router?page=2&perPage=1").get_json()

    assert [item["id"] for item in whole["items"]] == [second["id"], first["id"]]
    assert [item["id"] for item in page["items"]] == [first["id"]]
    assert page["meta"] == {"total": 2, "count": 1, "perPage": 1, "pages": 2, "page": 2}


@pytest.mark.parametrize("query", ["SUPP", "customers", "100%", "{id}"])
def test_a_list_is_searched_by_id_name_and_description(admin: FlaskClient, query: str) -> None:
    made = building.router(admin, "support", description="For customers, 100% of them")
    building.router(admin, "other")

    found = admin.get("/router", query_string={"query": query.format(id=made["id"])}).get_json()

    assert [item["id"] for item in found["items"]] == [made["id"]]


def test_signs_of_the_databases_search_find_themselves_only(admin: FlaskClient) -> None:
    building.router(admin, "support")

    assert admin.get("/router?query=%25").get_json()["items"] == []
    assert admin.get("/router?query=s_pport").get_json()["items"] == []


def test_a_prompt_is_set_and_cleared(admin: FlaskClient, router_id: str) -> None:
    prompt_id, path = building.prompt(admin), f"/router/{router_id}"

    assert admin.patch(path, json={"promptId": prompt_id}).get_json()["promptId"] == prompt_id
    assert admin.patch(path, json={"name": "kept"}).get_json()["promptId"] == prompt_id
    assert admin.patch(path, json={"promptId": ""}).get_json()["promptId"] is None


def test_unknown_fields_are_ignored(admin: FlaskClient, router_id: str) -> None:
    made = building.router(admin, "other", status="active", somethingNew=1)
    changed = admin.patch(f"/router/{router_id}", json={"somethingNew": 1, "orgId": "org_x"})

    assert made["status"] == "draft"
    assert changed.status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"strategy": "failover"}, "name"),
        ({"name": "  ", "strategy": "failover"}, "name"),
        ({"name": "a" * 256, "strategy": "failover"}, "name"),
        ({"name": 7, "strategy": "failover"}, "name"),
        ({"name": "a\0b", "strategy": "failover"}, "name"),
        ({"name": "a"}, "strategy"),
        ({"name": "a", "strategy": "fastest"}, "strategy"),
        ({"name": "a", "strategy": "failover", "storePayloads": "perhaps"}, "storePayloads"),
        ({"name": "a", "strategy": "failover", "promptId": 7}, "promptId"),
    ],
)
def test_nonsense_is_refused_with_its_field(
    admin: FlaskClient, body: dict[str, Any], field: str
) -> None:
    refused = admin.post("/router", json=body)

    assert refused.status_code == 400, refused.text
    assert field in refused.get_json()["fields"]
    assert admin.get("/router").get_json()["meta"]["total"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [({"name": ""}, "name"), ({"status": "paused"}, "status"), ({"strategy": "x"}, "strategy")],
)
def test_nonsense_changes_nothing(
    admin: FlaskClient, router_id: str, body: dict[str, Any], field: str
) -> None:
    before = admin.get(f"/router/{router_id}").get_json()

    refused = admin.patch(f"/router/{router_id}", json={"description": "new", **body})

    assert refused.status_code == 400
    assert list(refused.get_json()["fields"]) == [field]
    assert admin.get(f"/router/{router_id}").get_json() == before


@pytest.mark.parametrize("body", [b'{"name":', b"[]", b'"text"', b"\xff"])
def test_what_is_no_json_object_is_refused(admin: FlaskClient, body: bytes) -> None:
    refused = admin.post("/router", data=body, content_type="application/json")

    assert refused.status_code == 400
    assert refused.get_json()["error"]


def test_a_name_is_taken_once_in_an_organization(admin: FlaskClient, client_as: ClientAs) -> None:
    building.router(admin, "support")
    other = building.router(admin, "other")

    again = admin.post("/router", json={"name": "support", "strategy": "random"})
    renamed = admin.patch(f"/router/{other['id']}", json={"name": "support"})

    assert again.status_code == renamed.status_code == 409
    assert "name" in again.get_json()["fields"]
    assert building.router(client_as("stranger"), "support")


def test_a_router_without_an_enabled_target_does_not_become_active(
    admin: FlaskClient, router_id: str
) -> None:
    path = f"/router/{router_id}"
    refused = admin.patch(path, json={"status": "active"})
    target = building.target(admin, router_id)
    admin.patch(f"{path}/targets/{target['id']}", json={"isEnabled": False})
    with_one_off = admin.patch(path, json={"status": "active"})

    assert refused.status_code == with_one_off.status_code == 422
    assert admin.get(path).get_json()["status"] == "draft"


def test_an_active_router_does_not_change_to_percentages_that_do_not_add_up(
    admin: FlaskClient,
) -> None:
    router_id = building.active(admin)
    building.target(admin, router_id, percentage=50)

    refused = admin.patch(f"/router/{router_id}", json={"strategy": "percentage"})

    assert refused.status_code == 422
    assert "sum to 100" in refused.get_json()["error"]
    assert admin.get(f"/router/{router_id}").get_json()["strategy"] == "failover"


def test_a_team_is_let_in_once_and_out(admin: FlaskClient, router_id: str, people: People) -> None:
    path, team_id = f"/router/{router_id}/access", people.alice.team_id

    assert admin.post(path, json={"teamId": team_id}).status_code == 204
    assert admin.post(path, json={"teamId": team_id}).status_code == 204
    (access,) = admin.get(path).get_json()
    assert access["routerId"] == router_id
    assert (access["teamId"], access["orgId"]) == (team_id, people.alice.org_id)

    assert admin.delete(f"{path}/{team_id}").status_code == 204
    assert admin.delete(f"{path}/{team_id}").status_code == 404
    assert admin.get(path).get_json() == []


def test_access_needs_a_team(admin: FlaskClient, router_id: str) -> None:
    refused = admin.post(f"/router/{router_id}/access", json={})

    assert refused.status_code == 400
    assert "teamId" in refused.get_json()["fields"]


def test_a_deleted_team_does_not_open_its_routers_to_everybody(
    admin: FlaskClient, router_id: str, people: People
) -> None:
    team = admin.post("/auth/teams", json={"name": "Research"}).get_json()
    admin.post(f"/router/{router_id}/access", json={"teamId": team["id"]})

    assert admin.delete(f"/auth/teams/{team['id']}").status_code == 204

    accesses = admin.get(f"/router/{router_id}/access").get_json()
    assert [access["teamId"] for access in accesses] == [team["id"]]


def test_what_belongs_to_others_cannot_be_referred_to(
    admin: FlaskClient, client_as: ClientAs, router_id: str, people: People
) -> None:
    foreign_prompt = building.prompt(client_as("stranger"))
    create = {"name": "new", "strategy": "random", "promptId": foreign_prompt}
    path = f"/router/{router_id}"

    assert admin.post("/router", json=create).status_code == 404
    assert admin.patch(path, json={"promptId": foreign_prompt}).status_code == 404
    grant = admin.post(f"{path}/access", json={"teamId": people.carol.team_id})
    assert grant.status_code == 404
    assert admin.get(path).get_json()["promptId"] is None


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_only_admins_come_in(
    client_as: ClientAs, router_id: str, people: People, method: str, path: str
) -> None:
    path = path.format(id=router_id, team=people.alice.team_id)

    assert client_as("member").open(path, method=method, json={}).status_code == 403
    assert client_as(None).open(path, method=method, json={}).status_code == 401


def test_an_api_key_administrates_nothing(
    admin: FlaskClient, client_as: ClientAs, router_id: str
) -> None:
    headers = {"x-api-key": building.key(admin)}

    assert client_as(None).get(f"/router/{router_id}", headers=headers).status_code == 401


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "{id}" in route[1]])
def test_another_organizations_router_is_not_there(
    client_as: ClientAs, admin: FlaskClient, router_id: str, people: People, method: str, path: str
) -> None:
    stranger, team_id = client_as("stranger"), people.carol.team_id

    answer = stranger.open(
        path.format(id=router_id, team=team_id), method=method, json={"teamId": team_id}
    )

    assert answer.status_code == 404
    assert stranger.get("/router").get_json()["items"] == []
    assert admin.get(f"/router/{router_id}").status_code == 200


def test_an_id_that_no_database_should_see_is_refused(admin: FlaskClient) -> None:
    assert admin.get("/router/" + "a" * 300).status_code == 400
    assert admin.get("/router/a%00b").status_code == 400
    assert admin.get(f"/router/{new_id('rtr')}").status_code == 404


def test_the_findings_of_the_page_are_there_over_rest(admin: FlaskClient) -> None:
    router_id = building.router(admin, "lint", strategy="percentage")["id"]

    empty = admin.get(f"/router/{router_id}/lint").get_json()
    target = building.target(admin, router_id, percentage=100)
    fine = admin.get(f"/router/{router_id}/lint").get_json()
    building.target(admin, router_id)
    found = admin.get(f"/router/{router_id}/lint").get_json()

    assert (empty["routerId"], empty["ok"]) == (router_id, False)
    assert [issue["code"] for issue in empty["issues"]] == ["no_enabled_targets"]
    assert fine == {"routerId": router_id, "ok": True, "issues": []}
    (issue,) = found["issues"]
    assert found["ok"]
    assert (issue["severity"], issue["code"]) == ("info", "target_without_share")
    assert issue["targetId"] not in ("", target["id"])
