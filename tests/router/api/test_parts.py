"""REST: the targets, features and interceptors of a router."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from hyperstrate.shared.ids import new_id
from tests.people import Part
from tests.router import building

ClientAs = Callable[[Part | None], FlaskClient]
FILTER = {"type": "content_filter", "config": {"blocked_patterns": ["secret"]}}
RETRY = {"featureType": "retry", "config": {"max_retries": 2}}
COLLECTIONS = ["targets", "features", "interceptors"]


@pytest.fixture
def admin(client_as: ClientAs) -> FlaskClient:
    return client_as("admin")


@pytest.fixture
def path(admin: FlaskClient) -> str:
    """The path of a draft."""
    return f"/router/{building.router(admin)['id']}"


def parts(admin: FlaskClient, path: str) -> dict[str, dict[str, Any]]:
    """One part of each kind, by the path of its collection."""
    return {
        f"{path}/targets": building.target(admin, path.removeprefix("/router/")),
        f"{path}/features": admin.post(f"{path}/features", json=RETRY).get_json(),
        f"{path}/interceptors": admin.post(f"{path}/interceptors", json=FILTER).get_json(),
    }


def shares(admin: FlaskClient, path: str) -> list[float]:
    return [row["percentage"] for row in admin.get(f"{path}/targets").get_json()]


@pytest.fixture
def halves(admin: FlaskClient) -> tuple[str, list[dict[str, Any]]]:
    """An active router of two targets with 50 percent each: its path and the targets."""
    router_id = building.router(admin, "halves", strategy="percentage")["id"]
    rows = [building.target(admin, router_id, percentage=50) for _ in range(2)]
    assert admin.patch(f"/router/{router_id}", json={"status": "active"}).status_code == 200
    return f"/router/{router_id}", rows


def test_a_target_is_added_shown_with_its_model_changed_and_removed(
    admin: FlaskClient, path: str
) -> None:
    model_id, prompt_id = building.model(admin, alias="mine"), building.prompt(admin)

    made = building.target(
        admin, path.removeprefix("/router/"), model_id, weight=3, priority=2, promptId=prompt_id
    )
    assert made["id"].startswith("rtgt_")
    assert made["routerId"] == path.removeprefix("/router/")
    assert (made["modelId"], made["promptId"]) == (model_id, prompt_id)
    assert (made["weight"], made["priority"], made["percentage"]) == (3, 2, 0)
    assert made["isEnabled"] is True
    assert made["model"]["id"] == model_id
    assert made["model"]["displayName"] == "mine"
    assert made["model"]["modelDefKey"] == "dummy"
    assert made["model"]["inputPricePer1MTokens"] == 1
    assert admin.get(f"{path}/targets").get_json() == [made]

    one = f"{path}/targets/{made['id']}"
    changed = admin.patch(one, json={"weight": 0, "isEnabled": False, "promptId": ""}).get_json()
    assert (changed["weight"], changed["isEnabled"], changed["promptId"]) == (0, False, None)
    assert changed["priority"] == 2
    assert admin.delete(one).status_code == 204
    assert admin.get(f"{path}/targets").get_json() == []


def test_targets_come_by_priority_then_by_age(admin: FlaskClient, path: str) -> None:
    router_id = path.removeprefix("/router/")
    late, first, second = (building.target(admin, router_id, priority=n) for n in (2, 1, 1))

    listed = [row["id"] for row in admin.get(f"{path}/targets").get_json()]
    body = {"targets": [{"id": late["id"], "priority": 0}]}
    moved = [row["id"] for row in admin.put(f"{path}/targets", json=body).get_json()]

    assert listed == [first["id"], second["id"], late["id"]]
    assert moved == [late["id"], first["id"], second["id"]]


def test_percentages_move_together(
    admin: FlaskClient, halves: tuple[str, list[dict[str, Any]]]
) -> None:
    path, (first, second) = halves
    body = [{"id": first["id"], "percentage": 30}, {"id": second["id"], "percentage": 70}]

    alone = admin.patch(f"{path}/targets/{first['id']}", json={"percentage": 30})
    assert alone.status_code == 422
    assert "sum to 100" in alone.get_json()["error"]
    assert shares(admin, path) == [50, 50]

    together = admin.put(f"{path}/targets", json={"targets": body})
    assert together.status_code == 200
    assert [row["percentage"] for row in together.get_json()] == [30, 70]
    assert shares(admin, path) == [30, 70]


def test_percentages_that_do_not_add_up_change_nothing(
    admin: FlaskClient, halves: tuple[str, list[dict[str, Any]]]
) -> None:
    path, (first, second) = halves
    body = [{"id": first["id"], "percentage": 30}, {"id": second["id"], "percentage": 80}]

    refused = admin.put(f"{path}/targets", json={"targets": body})

    assert refused.status_code == 422
    assert shares(admin, path) == [50, 50]


def test_one_of_the_halves_cannot_be_switched_off_or_removed(
    admin: FlaskClient, halves: tuple[str, list[dict[str, Any]]]
) -> None:
    path, (first, _) = halves
    one = f"{path}/targets/{first['id']}"

    assert admin.patch(one, json={"isEnabled": False}).status_code == 422
    assert admin.delete(one).status_code == 422
    assert shares(admin, path) == [50, 50]


def test_the_last_target_of_an_active_router_stays(admin: FlaskClient) -> None:
    path = f"/router/{building.active(admin)}/targets"
    (only,) = admin.get(path).get_json()

    assert admin.delete(f"{path}/{only['id']}").status_code == 422
    assert admin.get(path).get_json() == [only]


def test_a_feature_is_switched_on_changed_and_off(admin: FlaskClient, path: str) -> None:
    made = admin.post(f"{path}/features", json=RETRY).get_json()
    assert made["featureType"] == "retry"
    assert made["config"] == {
        "max_retries": 2, "initial_delay_ms": 100, "backoff_multiplier": 2.0
    }  # fmt: skip
    assert made["isEnabled"] is True
    assert made["executionOrder"] == 1

    one = f"{path}/features/{made['id']}"
    changed = admin.patch(one, json={"config": {"max_retries": 5}, "isEnabled": False}).get_json()
    assert (changed["config"]["max_retries"], changed["isEnabled"]) == (5, False)
    replaced = admin.patch(one, json={"config": {}}).get_json()
    assert replaced["config"]["max_retries"] == 3
    assert admin.get(f"{path}/features").get_json() == [replaced]
    assert admin.delete(one).status_code == 204
    assert admin.get(f"{path}/features").get_json() == []


def test_a_feature_stands_once_in_a_router(admin: FlaskClient, path: str) -> None:
    admin.post(f"{path}/features", json=RETRY)

    again = admin.post(f"{path}/features", json=RETRY)

    assert again.status_code == 409
    assert len(admin.get(f"{path}/features").get_json()) == 1


def test_an_interceptor_may_stand_twice_in_the_order_given(admin: FlaskClient, path: str) -> None:
    first = admin.post(f"{path}/interceptors", json=FILTER).get_json()
    second = admin.post(f"{path}/interceptors", json=FILTER).get_json()
    assert [first["executionOrder"], second["executionOrder"]] == [1, 2]
    assert first["type"] == "content_filter"

    admin.patch(f"{path}/interceptors/{second['id']}", json={"executionOrder": 0})

    listed = [row["id"] for row in admin.get(f"{path}/interceptors").get_json()]
    assert listed == [second["id"], first["id"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "modelId"),
        ({"modelId": ""}, "modelId"),
        ({"modelId": 7}, "modelId"),
        ({"weight": -1}, "weight"),
        ({"weight": 1.5}, "weight"),
        ({"weight": "many"}, "weight"),
        ({"percentage": 101}, "percentage"),
        ({"percentage": -1}, "percentage"),
        ({"percentage": "nan"}, "percentage"),
        ({"priority": -1}, "priority"),
        ({"priority": 10**30}, "priority"),
    ],
)
def test_a_target_of_nonsense_is_refused_with_its_field(
    admin: FlaskClient, path: str, body: dict[str, Any], field: str
) -> None:
    given = {"modelId": "mdl_x", **body} if body else {}

    refused = admin.post(f"{path}/targets", json=given)

    assert refused.status_code == 400, refused.text
    assert list(refused.get_json()["fields"]) == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "targets"),
        ({"targets": {}}, "targets"),
        ({"targets": [{"percentage": 5}]}, "targets.id"),
        ({"targets": [{"id": "x", "percentage": 500}]}, "targets.percentage"),
    ],
)
def test_changes_of_nonsense_are_refused_with_their_field(
    admin: FlaskClient, path: str, body: dict[str, Any], field: str
) -> None:
    refused = admin.put(f"{path}/targets", json=body)

    assert refused.status_code == 400, refused.text
    assert list(refused.get_json()["fields"]) == [field]


@pytest.mark.parametrize(
    ("collection", "body", "field"),
    [
        ("features", {}, "featureType"),
        ("features", {"featureType": "magic"}, "featureType"),
        ("features", {"featureType": "retry", "config": []}, "config"),
        ("features", {"featureType": "retry", "config": {"tries": 3}}, "tries"),
        ("features", {"featureType": "retry", "config": {"max_retries": "3"}}, "max_retries"),
        ("features", {"featureType": "retry", "config": {"max_retries": 99}}, "max_retries"),
        ("features", {"featureType": "retry", "config": {"backoff_multiplier": 10**400}},
         "backoff_multiplier"),
        ("features", {"featureType": "retry", "executionOrder": -1}, "executionOrder"),
        ("interceptors", {}, "type"),
        ("interceptors", {"type": "retry"}, "type"),
        ("interceptors", {"type": "content_filter"}, "blocked_patterns"),
        ("interceptors", {"type": "content_filter", "config": {"blocked_patterns": ["("]}},
         "blocked_patterns"),
        ("interceptors", {"type": "content_filter", "config": {"blocked_patterns": ["a\0"]}},
         "blocked_patterns"),
        ("interceptors", {"type": "content_filter", "config": {"blocked_patterns": ["\ud800"]}},
         "blocked_patterns"),
    ],
)  # fmt: skip
def test_a_stage_of_nonsense_is_refused_with_its_field(
    admin: FlaskClient, path: str, collection: str, body: dict[str, Any], field: str
) -> None:
    refused = admin.post(f"{path}/{collection}", json=body)

    assert refused.status_code == 400, refused.text
    assert list(refused.get_json()["fields"]) == [field]
    assert admin.get(f"{path}/{collection}").get_json() == []


@pytest.mark.parametrize("collection", ["features", "interceptors"])
def test_a_change_of_config_is_checked_too(admin: FlaskClient, path: str, collection: str) -> None:
    made = parts(admin, path)[f"{path}/{collection}"]

    refused = admin.patch(f"{path}/{collection}/{made['id']}", json={"config": {"nonsense": 1}})

    assert refused.status_code == 400
    assert "unknown setting" in refused.get_json()["fields"]["nonsense"]
    (kept,) = admin.get(f"{path}/{collection}").get_json()
    assert kept["config"] == made["config"]


def test_unknown_fields_are_ignored(admin: FlaskClient, path: str) -> None:
    assert admin.post(f"{path}/features", json={**RETRY, "future": 1}).status_code == 201
    assert admin.post(f"{path}/interceptors", json={**FILTER, "future": 1}).status_code == 201
    assert building.target(admin, path.removeprefix("/router/"), future=1)


def test_what_belongs_to_others_cannot_be_referred_to(
    admin: FlaskClient, client_as: ClientAs, path: str
) -> None:
    stranger = client_as("stranger")
    theirs, prompt_id = building.model(stranger), building.prompt(stranger)
    own = building.target(admin, path.removeprefix("/router/"))
    change = {"promptId": prompt_id}

    for answer in (
        admin.post(f"{path}/targets", json={"modelId": theirs}),
        admin.post(f"{path}/targets", json={"modelId": own["modelId"], **change}),
        admin.patch(f"{path}/targets/{own['id']}", json=change),
        admin.put(f"{path}/targets", json={"targets": [{"id": own["id"], **change}]}),
    ):
        assert answer.status_code == 404, answer.text
    assert admin.get(f"{path}/targets").get_json() == [own]


def test_a_part_of_another_router_is_not_there(admin: FlaskClient, path: str) -> None:
    other = f"/router/{building.router(admin, 'other')['id']}"

    for collection, part in parts(admin, path).items():
        wrong = f"{collection.replace(path, other)}/{part['id']}"
        assert admin.patch(wrong, json={}).status_code == 404
        assert admin.delete(wrong).status_code == 404
        assert admin.get(collection).get_json() == [part]


def test_only_admins_come_in(client_as: ClientAs, admin: FlaskClient, path: str) -> None:
    for collection, part in parts(admin, path).items():
        one = f"{collection}/{part['id']}"
        for method, at in (("GET", collection), ("POST", collection), ("PATCH", one),
                           ("DELETE", one)):  # fmt: skip
            assert client_as("member").open(at, method=method, json={}).status_code == 403
            assert client_as(None).open(at, method=method, json={}).status_code == 401
    assert client_as("member").put(f"{path}/targets", json={}).status_code == 403
    assert client_as(None).put(f"{path}/targets", json={}).status_code == 401


def test_another_organizations_parts_are_not_there(
    client_as: ClientAs, admin: FlaskClient, path: str
) -> None:
    stranger = client_as("stranger")
    bodies = {"targets": {"modelId": building.model(stranger)}, "features": RETRY,
              "interceptors": FILTER}  # fmt: skip

    for collection, part in parts(admin, path).items():
        one, body = f"{collection}/{part['id']}", bodies[collection.rpartition("/")[2]]
        assert stranger.get(collection).status_code == 404
        assert stranger.post(collection, json=body).status_code == 404
        assert stranger.patch(one, json={}).status_code == 404
        assert stranger.delete(one).status_code == 404
        assert admin.get(collection).get_json() == [part]
    assert stranger.put(f"{path}/targets", json={"targets": []}).status_code == 404


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_part_that_is_not_there_is_a_404(admin: FlaskClient, path: str, collection: str) -> None:
    one = f"{path}/{collection}/{new_id('x')}"

    assert admin.patch(one, json={}).status_code == 404
    assert admin.delete(one).status_code == 404
    assert admin.delete(f"{path}/{collection}/{'a' * 300}").status_code == 400


def test_a_deleted_model_takes_its_targets_along(admin: FlaskClient, path: str) -> None:
    gone = building.target(admin, path.removeprefix("/router/"))
    kept = building.target(admin, path.removeprefix("/router/"))

    assert admin.delete(f"/ai/models/{gone['modelId']}").status_code == 204

    assert admin.get(f"{path}/targets").get_json() == [kept]


def test_the_order_of_the_targets_is_set_in_one_call(admin: FlaskClient, path: str) -> None:
    router_id = path.removeprefix("/router/")
    ids = [building.target(admin, router_id, priority=9)["id"] for _ in range(3)]
    wanted = [ids[2], ids[0], ids[1]]

    answer = admin.put(f"{path}/targets/order", json={"targetIds": wanted})

    assert answer.status_code == 200
    assert [(row["id"], row["priority"]) for row in answer.get_json()] == list(
        zip(wanted, range(3), strict=True)
    )
    assert [row["id"] for row in admin.get(f"{path}/targets").get_json()] == wanted


def test_an_order_that_leaves_one_out_or_names_one_twice_changes_nothing(
    admin: FlaskClient, path: str
) -> None:
    router_id = path.removeprefix("/router/")
    ids = [building.target(admin, router_id, priority=place)["id"] for place in range(2)]

    for wrong in ([ids[1]], [ids[1], ids[1]], [ids[1], ids[0], "rtgt_gone"], []):
        refused = admin.put(f"{path}/targets/order", json={"targetIds": wrong})
        assert refused.status_code == 400
        assert "each target" in refused.get_json()["fields"]["targetIds"][0]
    assert [row["id"] for row in admin.get(f"{path}/targets").get_json()] == ids
