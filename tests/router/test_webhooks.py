"""The webhook of a router is set by an admin, and its secret is the router's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from hyperstrate.router import routers, webhooks
from hyperstrate.router.models import RouterConfiguration, RouterTarget
from hyperstrate.router.routers import Changes
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import NotFound
from tests.people import Client, Part, People

URL = "https://hooks.example.com/hyperstrate?team=a"
ClientAs = Callable[[Part | None], Client]


def make(client: Client, name: str = "support", **more: Any) -> Any:
    body = {"name": name, "strategy": "failover", "webhookUrl": URL, **more}
    answer = client.post("/router", json=body)
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def secret_of(client: Client, router_id: str) -> str:
    return str(client.get(f"/router/{router_id}/webhook-secret").get_json()["secret"])


def test_a_webhook_is_set_shown_changed_and_taken_away(client_as: ClientAs) -> None:
    admin = client_as("admin")
    router = make(admin)
    path = f"/router/{router['id']}"
    assert router["webhookUrl"] == URL

    admin.patch(path, json={"webhookUrl": "https://other.example.com/"})
    admin.patch(path, json={"name": "renamed"})
    assert admin.get(path).get_json()["webhookUrl"] == "https://other.example.com/"

    admin.patch(path, json={"webhookUrl": ""})
    assert admin.get(path).get_json()["webhookUrl"] == ""
    assert admin.get(f"{path}/webhook-secret").status_code == 404


def test_a_router_without_webhook_has_an_empty_address(client_as: ClientAs) -> None:
    router = make(client_as("admin"), webhookUrl="")

    assert router["webhookUrl"] == ""


def test_each_webhook_has_its_secret_and_keeps_it(client_as: ClientAs) -> None:
    admin = client_as("admin")
    one, two = make(admin, "one")["id"], make(admin, "two")["id"]
    first = secret_of(admin, one)

    admin.patch(f"/router/{one}", json={"webhookUrl": "https://other.example.com/"})

    assert first.startswith("whsec_")
    assert secret_of(admin, one) == first != secret_of(admin, two)
    assert first not in admin.get(f"/router/{one}").text
    sealed = session.scalars(select(RouterConfiguration.webhook_secret)).all()
    assert len(sealed) == 2
    assert not any(first in text for text in sealed)


def test_rotating_makes_a_new_secret(client_as: ClientAs) -> None:
    admin = client_as("admin")
    router_id = make(admin)["id"]
    old = secret_of(admin, router_id)

    new = admin.post(f"/router/{router_id}/webhook-secret").get_json()["secret"]

    assert new != old
    assert secret_of(admin, router_id) == new


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ftp://hooks.example.com/", "http"),
        ("hooks.example.com", "http"),
        ("https://user:word@hooks.example.com/", "user name"),
        ("http://169.254.169.254/latest", "inside the network"),
        ("http://[::ffff:10.0.0.1]/", "inside the network"),
        ("http://0x0a000001/", "inside the network"),
        ("https://hooks.example.com/" + "x" * 2000, "at most 2000"),
    ],
)
def test_an_address_that_cannot_be_called_is_refused(
    client_as: ClientAs, url: str, complaint: str
) -> None:
    admin = client_as("admin")
    router_id = make(admin)["id"]

    for answer in (
        admin.post("/router", json={"name": "new", "strategy": "failover", "webhookUrl": url}),
        admin.patch(f"/router/{router_id}", json={"webhookUrl": url}),
    ):
        assert answer.status_code == 400
        assert complaint in answer.get_json()["fields"]["webhookUrl"][0]
    assert admin.get(f"/router/{router_id}").get_json()["webhookUrl"] == URL


def test_tells_which_routers_listen_and_how_many_targets_they_have(people: People) -> None:
    org_id = people.alice.org_id
    with unit_of_work():
        one = routers.create(org_id, "one", strategy="failover", webhook_url=URL)
        two = routers.create(org_id, "two", strategy="failover")

    assert webhooks.listening([one.id, two.id, "rtr_gone"]) == {one.id: 0}
    assert webhooks.listening([]) == {}


def test_counts_only_enabled_targets(client_as: ClientAs, people: People) -> None:
    admin = client_as("admin")
    router_id = make(admin)["id"]
    model = admin.post("/ai/models", json={"modelDefinitionKey": "dummy"}).get_json()["id"]
    for _ in range(2):
        admin.post(f"/router/{router_id}/targets", json={"modelId": model})
    with unit_of_work():
        first = session.scalars(select(RouterTarget)).first()
        assert first is not None
        first.is_enabled = False

    assert webhooks.listening([router_id]) == {router_id: 1}


def test_a_stranger_finds_no_webhook(client_as: ClientAs, people: People) -> None:
    router_id = make(client_as("admin"))["id"]

    client, stranger = client_as("stranger"), people.carol.org_id
    assert client.get(f"/router/{router_id}/webhook-secret").status_code == 404
    assert client.post(f"/router/{router_id}/webhook-secret").status_code == 404
    assert client.post(f"/router/{router_id}/webhook-test").status_code == 404
    for ask in (webhooks.webhook, webhooks.rotate_secret):
        with pytest.raises(NotFound):
            ask(stranger, router_id)
    with pytest.raises(NotFound):
        routers.update(stranger, router_id, Changes(webhook_url=URL))
