"""What an admin sees of a router's webhook."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from hyperstrate.observability import delivery
from hyperstrate.observability.models import WebhookDelivery
from hyperstrate.shared.db import session, unit_of_work
from tests import answers
from tests.observability.installation import ACME, GLOBEX
from tests.upstreams import Provider

LIST = "/analytics/routers/rtr_1/webhook-deliveries"
TEST = "/router/rtr_1/webhook-test"
ClientAs = Callable[[str | None], FlaskClient]


def keep(count: int, **values: str) -> None:
    given = {"org_id": ACME, "router_id": "rtr_1", "event": "request_blocked", "url": "https://x/"}
    with unit_of_work():
        session.add_all(
            WebhookDelivery(**{**given, **values}, attempt=number + 1) for number in range(count)
        )


def test_lists_deliveries_newest_first(client_as: ClientAs) -> None:
    keep(3)

    body = client_as("admin").get(f"{LIST}?limit=2").get_json()

    assert body["total"] == 3
    assert [item["attempt"] for item in body["data"]] == [3, 2]
    assert set(body["data"][0]) == {
        "id", "routerId", "event", "url", "statusCode", "success", "errorMsg", "attempt",
        "requestId", "createdAt",
    }  # fmt: skip
    assert body["data"][0]["id"].startswith("whdlv_")


@pytest.mark.parametrize(
    ("query", "count"),
    [("?limit=0", 50), ("?limit=201", 50), ("?limit=200", 60), ("?offset=-1", 50),
     ("?offset=58", 2), ("?offset=99999999999999999999", 0)],
)  # fmt: skip
def test_a_limit_out_of_range_means_the_usual_one(
    client_as: ClientAs, query: str, count: int
) -> None:
    keep(60)

    body = client_as("admin").get(f"{LIST}{query}").get_json()

    assert (len(body["data"]), body["total"]) == (count, 60)


def test_sends_a_test_and_says_what_became_of_it(client_as: ClientAs, receiver: Provider) -> None:
    receiver.answers(answers.json({}, 204), answers.json({}, 503))

    good, bad = (client_as("admin").post(TEST).get_json() for _ in range(2))

    assert (good["success"], good["statusCode"], good["errorMsg"]) == (True, 204, "")
    assert (bad["success"], bad["statusCode"], bad["errorMsg"]) == (False, 503, "answered 503")
    assert receiver.requests[0].json["event"] == "test"
    assert "t=" in receiver.requests[0].headers["x-hyperstrate-signature"]
    assert client_as("admin").get(LIST).get_json()["total"] == 2


def test_a_test_of_a_router_without_webhook_is_404(client_as: ClientAs) -> None:
    answer = client_as("admin").post(TEST)

    assert answer.status_code == 404
    assert answer.get_json() == {"error": "this router has no webhook"}


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("key", 401), ("member", 403)])
def test_only_an_admin_comes_in(client_as: ClientAs, who: str | None, status: int) -> None:
    assert client_as(who).get(LIST).status_code == status
    assert client_as(who).post(TEST).status_code == status


def test_a_stranger_finds_nothing(client_as: ClientAs, receiver: Provider) -> None:
    keep(1)

    assert client_as("stranger").get(LIST).status_code == 404
    assert client_as("stranger").post(TEST).status_code == 404
    assert delivery.deliveries(GLOBEX, "rtr_1").total == 0
    assert not receiver.requests
