"""A mark of a budget is told once in its window: to the audit log, and to a router's webhook."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hyperstrate.auth.books.recording import Books
from hyperstrate.auth.runtime import runtime
from hyperstrate.events import BudgetCrossed, budget_crossed
from hyperstrate.shared import audit, webhook
from hyperstrate.shared.audit import Entry
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.queue import QueuedJob
from hyperstrate.shared.webhook import Occurrence
from tests.auth.books.rows import budget
from tests.people import Part, People

ClientAs = Callable[[Part | None], FlaskClient]


@pytest.fixture
def crossed(app: Flask) -> Iterator[list[BudgetCrossed]]:
    seen: list[BudgetCrossed] = []
    listener = seen.append
    budget_crossed.connect(listener)
    yield seen
    budget_crossed.disconnect(listener)


@pytest.fixture
def occurred(app: Flask) -> Iterator[list[Occurrence]]:
    seen: list[Occurrence] = []
    listener = seen.append
    webhook.occurred.connect(listener)
    yield seen
    webhook.occurred.disconnect(listener)


@pytest.fixture
def audited(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """What was kept of budgets' marks."""
    kept: list[Entry] = []

    def keep(_unit: object, entries: Sequence[Entry]) -> None:
        kept.extend(each for each in entries if each.action in ("threshold", "exceeded"))

    monkeypatch.setattr(audit, "_keepers", [keep])
    return kept


def spend(org_id: str, *amounts: str, **scopes: str) -> None:
    """The recorder writes a batch of requests of one call each."""
    names = ("team_id", "router_id", "api_key_id", "virtual_key_id", "user_id", "provider")
    logs: list[dict[str, Any]] = []
    for amount in amounts:
        call = {
            "id": new_id("att"),
            "at": 1_790_000_000.0,
            "model_id": "m",
            "status": "success",
            "error_code": "",
            "usage": {"input_tokens": 1, "output_tokens": 1, "is_estimated": False},
            "cost_usd": amount,
            "reserved": 0,
            "price_version": "1",
        }
        scope = dict.fromkeys(names, "") | scopes
        logs.append({"id": new_id("ilog"), "org_id": org_id, **scope, "attempts": [call]})
    with unit_of_work():
        Books(runtime().spending).write(logs)


def test_a_mark_is_told_once_in_a_window(people: People, crossed: list[BudgetCrossed]) -> None:
    one = budget(people.alice.org_id, amount=10, alert_percents=[50, 80])

    spend(people.alice.org_id, "4")
    assert crossed == []
    spend(people.alice.org_id, "1")
    spend(people.alice.org_id, "1", "1")
    assert [event.percent for event in crossed] == [50]
    spend(people.alice.org_id, "4")
    spend(people.alice.org_id, "4")

    assert [event.percent for event in crossed] == [50, 80, 100]
    last = crossed[-1]
    assert (last.budget_id, last.scope, last.unit, last.is_hard) == (
        one.id,
        "organization",
        "usd",
        True,
    )
    assert (last.used, last.amount) == (Decimal(11), Decimal(10))


def test_a_disabled_budget_tells_nothing(people: People, crossed: list[BudgetCrossed]) -> None:
    budget(people.alice.org_id, amount=1, is_enabled=False)

    spend(people.alice.org_id, "5")

    assert crossed == []


def test_the_audit_log_hears_of_every_scope(people: People, audited: list[Entry]) -> None:
    one = budget(people.alice.org_id, "team", people.alice.team_id, amount=10, alert_percents=[80])

    spend(people.alice.org_id, "8", team_id=people.alice.team_id)
    spend(people.alice.org_id, "3", team_id=people.alice.team_id)

    assert [entry.action for entry in audited] == ["threshold", "exceeded"]
    first = audited[0]
    assert (first.actor.kind, first.org_id) == ("system", people.alice.org_id)
    assert (first.object_type, first.object_id) == ("budget", one.id)
    assert first.detail == {
        "percent": 80,
        "used": "$8.00",
        "amount": "$10.00",
        "scope": "team",
        "scope_id": people.alice.team_id,
    }


def test_the_webhook_of_a_router_hears_of_its_budget(
    people: People, router_id: str, occurred: list[Occurrence]
) -> None:
    org_id = people.alice.org_id
    budget(org_id, "router", router_id, unit="tokens", amount=10, alert_percents=[50])
    budget(org_id, amount=1)

    spend(org_id, "0.1", "0.1", "0.1", router_id=router_id)
    spend(org_id, "0.1", "0.1", router_id=router_id)

    first, second = occurred
    assert (first.event, first.router_id, first.org_id) == ("budget_threshold", router_id, org_id)
    assert first.budget_used_percent == 60
    assert first.detail == "50% of a budget is used: 6 tokens of 10 tokens"
    assert (second.event, second.budget_used_percent) == ("budget_exceeded", 100)


def test_a_delivery_is_queued_once_for_a_window_and_mark(
    people: People, client_as: ClientAs, stored_router: str
) -> None:
    url = {"webhookUrl": "https://example.com/hook"}
    changed = client_as("admin").patch(f"/router/{stored_router}", json=url)
    assert changed.status_code == 200, changed.text
    budget(people.alice.org_id, "router", stored_router, amount=1, alert_percents=[])
    seen: list[BudgetCrossed] = []
    budget_crossed.connect(seen.append)
    spend(people.alice.org_id, "2", router_id=stored_router)

    budget_crossed.emit(seen[0])

    jobs = session.scalars(select(QueuedJob)).all()
    assert len([job for job in jobs if "budget_exceeded" in job.payload]) == 1
    assert '"budgetUsedPercent\\":200' in jobs[0].payload
