"""Virtual keys: of one router, with ceilings that are budgets."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from hyperstrate.auth import limits
from hyperstrate.auth.books import budgets
from hyperstrate.auth.keys import api_keys, verifying
from hyperstrate.auth.models import Budget, Limit, VirtualKey
from hyperstrate.auth.people import teams
from hyperstrate.events import RequestsRecorded, requests_recorded
from hyperstrate.shared.crypto import has_valid_checksum
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.errors import Unauthorized
from tests.people import Part, People

ClientAs = Callable[[Part | None], FlaskClient]
PATH = "/auth/virtual-keys"


@pytest.fixture
def client(client_as: ClientAs) -> FlaskClient:
    return client_as("admin")


def issue(client: FlaskClient, router_id: str, **body: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={"name": "Guest", "routerId": router_id, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def caps(org_id: str) -> dict[str, tuple[Decimal, str]]:
    found = budgets.find(org_id).items
    return {each.unit: (Decimal(each.amount), each.period) for each in found}


def test_a_virtual_key_opens_its_router_alone(
    client: FlaskClient, people: People, stored_router: str
) -> None:
    made = issue(client, stored_router, description="trial")

    caller = verifying.verify(made["key"])

    assert has_valid_checksum(made["key"])
    assert (caller.kind, caller.key_id, caller.router_id) == (
        "virtual_key",
        made["id"],
        stored_router,
    )
    assert caller.team_ids == ()
    assert not caller.is_global
    assert made["router"] == {"id": stored_router, "name": "Support"}
    assert made["owner"] == {"id": people.alice.id, "name": "Alice"}
    assert "key" not in client.get(f"{PATH}/{made['id']}").get_json()
    assert made["key"] not in client.get(PATH).text


def test_its_ceilings_are_budgets(client: FlaskClient, people: People, stored_router: str) -> None:
    org_id = people.alice.org_id
    made = issue(client, stored_router, maxRequests=5, maxCostUsd=1.5, resetPeriod="weekly")

    assert caps(org_id) == {
        "requests": (Decimal(5), "weekly"),
        "usd": (Decimal(15_000_000_000), "weekly"),
    }
    client.patch(f"{PATH}/{made['id']}", json={"maxRequests": 0, "resetPeriod": ""})
    assert caps(org_id) == {"usd": (Decimal(15_000_000_000), "total")}
    client.delete(f"{PATH}/{made['id']}")
    assert caps(org_id) == {}


def test_a_team_s_ceilings_are_budgets(client: FlaskClient, people: People) -> None:
    body = {"name": "Research", "maxRequests": 9, "maxCostUsd": 0.1}
    team = client.post("/auth/teams", json=body).get_json()

    assert caps(people.alice.org_id) == {
        "requests": (Decimal(9), "total"),
        "usd": (Decimal(1_000_000_000), "total"),
    }
    client.patch(f"/auth/teams/{team['id']}", json={"maxCostUsd": 0})
    assert caps(people.alice.org_id) == {"requests": (Decimal(9), "total")}
    client.delete(f"/auth/teams/{team['id']}")
    assert caps(people.alice.org_id) == {}


def test_what_a_deleted_team_s_keys_had_is_gone_with_them(people: People) -> None:
    org_id = people.alice.org_id
    with unit_of_work():
        team_id = teams.create(org_id, "Research").id
        key_id = api_keys.issue(org_id, "CI", scope="global", team_id=team_id).key.id
        limits.set(org_id, "api_key", key_id, requests_per_minute=5)
        limits.set(org_id, "team", people.alice.team_id, requests_per_minute=5)
        budgets.set_cap(org_id, "virtual_key", "", "usd", amount=Decimal(0), period="")

    with unit_of_work():
        teams.delete(org_id, team_id)

    assert [limit.scope for limit in session.scalars(select(Limit))] == ["team"]
    assert session.scalars(select(Budget)).all() == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"maxRequests": -1}, "must be from 0"),
        ({"maxRequests": 1.5}, "must be a whole number"),
        ({"maxRequests": 10**12}, "must be from 0"),
        ({"maxCostUsd": -0.01}, "must be from 0"),
        ({"maxCostUsd": "much"}, "must be a number"),
        ({"maxCostUsd": "nan"}, "not permitted"),
        ({"rateLimitRps": -1}, "must be from 0"),
        ({"resetPeriod": "hourly"}, "must be empty or one of"),
        ({"name": ""}, "this field is required"),
        ({"isEnabled": "perhaps"}, "must be true or false"),
        ({"expiresAt": "2001-01-01T00:00:00Z"}, "must be in the future"),
        ({"allowedNetworks": ["10.0.0.0/99"]}, "must be a network"),
        ({"allowedModels": "all"}, "must be a list"),
        ({"deniedModels": [5]}, "must be text"),
        ({"deniedModels": [f"x{n}" for n in range(101)]}, "must be at most 100"),
        ({"contentLogging": "perhaps"}, "must be one of"),
        ({"allowedRouters": ["rtr_x"]}, "must be empty"),
    ],
)
def test_every_field_of_a_change_is_checked(
    client: FlaskClient, stored_router: str, change: dict[str, Any], complaint: str
) -> None:
    path = f"{PATH}/{issue(client, stored_router)['id']}"
    before = client.get(path).get_json()

    answer = client.patch(path, json=change)

    assert answer.status_code == 400, answer.text
    assert complaint in str(answer.get_json()["fields"][next(iter(change))])
    assert client.get(path).get_json() == before


def test_references_of_another_organization_are_not_found(
    client: FlaskClient, client_as: ClientAs, people: People, stored_router: str
) -> None:
    for body in (
        {"routerId": "rtr_globex"},
        {"routerId": "rtr_nobody"},
        {"routerId": stored_router, "teamId": people.carol.team_id},
    ):
        assert client.post(PATH, json={"name": "x", **body}).status_code == 404
    made = issue(client, stored_router)
    stranger = client_as("stranger")
    path = f"{PATH}/{made['id']}"
    assert stranger.get(path).status_code == 404
    assert stranger.patch(path, json={"name": "x"}).status_code == 404
    assert stranger.post(f"{path}/rotate").status_code == 404
    assert stranger.post(f"{path}/finish-rotation").status_code == 404
    assert stranger.delete(path).status_code == 404
    assert stranger.get(PATH).get_json()["items"] == []


def test_a_virtual_key_is_rotated_disabled_and_deleted(
    client: FlaskClient, stored_router: str
) -> None:
    made = issue(client, stored_router)
    path = f"{PATH}/{made['id']}"
    second = client.post(f"{path}/rotate", json={"overlapMinutes": 5}).get_json()["key"]
    assert verifying.verify(made["key"])

    client.post(f"{path}/finish-rotation")
    with pytest.raises(Unauthorized):
        verifying.verify(made["key"])
    client.patch(path, json={"isEnabled": False})
    with pytest.raises(Unauthorized, match="this virtual key is disabled"):
        verifying.verify(second)
    assert client.delete(path).status_code == 204
    with pytest.raises(Unauthorized, match="not valid"):
        verifying.verify(second)


def test_an_api_key_may_count_on_a_virtual_key_which_then_stays(
    client: FlaskClient, people: People, stored_router: str
) -> None:
    virtual = issue(client, stored_router)
    body = {"name": "CI", "scope": "global", "virtualKeyId": virtual["id"]}

    made = client.post("/auth/api-keys", json=body).get_json()
    kept = client.delete(f"{PATH}/{virtual['id']}")
    unknown = client.post("/auth/api-keys", json={**body, "virtualKeyId": "vkey_x"})

    assert made["virtualKey"] == {"id": virtual["id"], "name": "Guest"}
    caller = verifying.verify(made["key"])
    assert (caller.api_key_id, caller.virtual_key_id) == (made["id"], virtual["id"])
    assert kept.status_code == 409
    assert unknown.status_code == 404
    client.patch(f"/auth/api-keys/{made['id']}", json={"virtualKeyId": ""})
    assert verifying.verify(made["key"]).virtual_key_id == ""
    assert client.delete(f"{PATH}/{virtual['id']}").status_code == 204


def test_a_deleted_router_takes_its_virtual_keys_and_their_ceilings_along(
    client: FlaskClient, people: People, stored_router: str
) -> None:
    made = issue(client, stored_router, maxRequests=5)
    assert verifying.verify(made["key"])

    assert client.delete(f"/router/{stored_router}").status_code == 204

    assert session.scalars(select(VirtualKey)).all() == []
    assert caps(people.alice.org_id) == {}
    with pytest.raises(Unauthorized):
        verifying.verify(made["key"])


def test_unused_keys_are_listed(client: FlaskClient, people: People, stored_router: str) -> None:
    used, unused = (issue(client, stored_router, name=name) for name in ("used", "unused"))
    sent = {(people.alice.org_id, used["id"], used["prefix"]): now()}
    requests_recorded.emit(RequestsRecorded(sent))
    session.expire_all()

    def names(query: str) -> list[str]:
        items = client.get(f"{PATH}?{query}").get_json()["items"]
        return [item["name"] for item in items]

    assert names("unused=never") == ["unused"]
    assert names("unused=30") == []
    assert names("unused=0") == ["unused", "used"]
    assert client.get(f"{PATH}?unused=often").status_code == 400
    assert unused["status"] == "active"


def test_a_virtual_key_is_known_without_sql(
    client: FlaskClient, stored_router: str, statements: list[str]
) -> None:
    secret = issue(client, stored_router, deniedModels=["x*"])["key"]
    verifying.verify(secret)
    statements.clear()

    assert verifying.verify(secret).rules

    assert statements == []
