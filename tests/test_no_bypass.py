"""No way to a model goes past the budget, the limits, the guardrails or the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from hyperstrate.access import Route, routes
from hyperstrate.auth import limits
from hyperstrate.auth.books import budgets
from hyperstrate.events import RoutedInference, routed_inference
from hyperstrate.shared.db import unit_of_work
from tests import access
from tests.access import MARK, Acme, Callers
from tests.people import Client, People

pytestmark = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
STARTED = Decimal(1)


@pytest.fixture
def acme(app: Flask, people: People, client_as: Callable[[str], Client]) -> Acme:
    return access.furnish(app, people, client_as("admin"))


@pytest.fixture
def callers(app: Flask, people: People, acme: Acme) -> Callers:
    return Callers(app, people, acme)


@pytest.fixture
def ways(app: Flask) -> list[Route]:
    """Every route by which a model is called."""
    found = routes(app.url_map, app.view_functions)
    return [route for route in found if route.calls_a_model]


@pytest.fixture
def told() -> Iterator[list[RoutedInference]]:
    """What the recorder is told to log."""
    found: list[RoutedInference] = []

    def note(event: RoutedInference) -> None:
        found.append(event)

    routed_inference.connect(note)
    yield found
    routed_inference.disconnect(note)


def answers(callers: Callers, ways: list[Route]) -> dict[str, Any]:
    """Each way, called with a key and by a browser's cookie: status and error."""
    found = {}
    for route in ways:
        for by, answer in (
            ("key", callers.call("API key", route)),
            ("cookie", callers.browse("admin", route)),
        ):
            found[f"{route.rule} by {by}"] = (answer.status_code, answer.get_data(as_text=True))
    return found


def test_every_way_ends_at_a_spent_budget_complaint_12(
    callers: Callers, ways: list[Route], acme: Acme
) -> None:
    values = {"name": MARK, "amount": STARTED, "unit": "requests", "period": "day"}
    with unit_of_work():
        budgets.create(acme.org_id, "organization", acme.org_id, {**values, "is_hard": True})
    chat = next(route for route in ways if route.rule == "/v1/chat/completions")
    assert callers.call("API key", chat).status_code == 200

    found = answers(callers, ways)

    assert {key: said for key, said in found.items() if said[0] not in (402, 429)} == {}
    assert all("budget" in text for _, text in found.values())


def test_every_way_ends_at_a_limit_complaint_12(
    callers: Callers, ways: list[Route], acme: Acme
) -> None:
    with unit_of_work():
        limits.set(acme.org_id, "organization", acme.org_id, requests_per_minute=1)
    chat = next(route for route in ways if route.rule == "/v1/chat/completions")
    assert callers.call("API key", chat).status_code == 200

    found = answers(callers, ways)

    assert {key: said for key, said in found.items() if said[0] != 429} == {}


def test_every_way_to_a_router_meets_its_guardrails_complaint_12(
    callers: Callers, ways: list[Route], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "WORD", MARK)

    for route in ways:
        answer = callers.call("API key", route)
        is_stopped = "blocked by interceptor" in answer.text
        assert is_stopped == ("guardrails" in route.passes), (route, answer.text)


def test_every_way_is_logged_once_complaint_12(
    callers: Callers, ways: list[Route], told: list[RoutedInference]
) -> None:
    for route in ways:
        before = len(told)
        assert callers.call("API key", route).get_data()
        assert len(told) == before + 1, route


@pytest.mark.parametrize("prefix", ["/v1", "/v1/v1", "/router/{router}/v1", "/proxy/ai/{model}/v1"])
def test_tokens_are_not_counted_by_a_provider_past_the_books_complaint_10(
    app: Flask, callers: Callers, acme: Acme, told: list[RoutedInference], prefix: str
) -> None:
    address = f"{prefix.format(**acme.ids)}/messages/count_tokens"
    headers = {"x-api-key": acme.key}

    answer = Client(app, app.response_class).post(address, json={"messages": []}, headers=headers)

    assert answer.status_code == 404
    assert told == []


def test_who_has_no_budget_is_not_stopped_by_what_was_spent_complaint_13(
    callers: Callers, ways: list[Route], acme: Acme
) -> None:
    """A wrong price may be spent of somebody else's budget; it locks nobody else out."""
    values = {"name": MARK, "amount": STARTED, "unit": "requests", "period": "day"}
    key_id = acme.ids["api_key"]
    with unit_of_work():
        budgets.create(acme.org_id, "api_key", key_id, {**values, "is_hard": True})
    chat = next(route for route in ways if route.rule == "/v1/chat/completions")

    by_key = [callers.call("API key", chat).status_code for _ in range(2)]
    by_person = [callers.call("admin", chat).status_code for _ in range(3)]

    assert by_key[0] == 200
    assert by_key[1] in (402, 429)
    assert by_person == [200, 200, 200]
