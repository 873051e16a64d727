"""A webhook hears of what happened, signed, until it has taken it; every try is on record."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from hyperstrate.events import AttemptMade
from hyperstrate.observability import delivery, recorder
from hyperstrate.observability.models import InferenceLog, WebhookDelivery
from hyperstrate.shared import queue, webhook
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.chat import Usage
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.queue import QueuedJob
from hyperstrate.shared.spool import SpoolReader
from hyperstrate.shared.webhook import Occurrence
from tests import answers
from tests.observability.conftest import Store
from tests.observability.installation import ACME, GLOBEX, Webhooks, make_event
from tests.upstreams import Provider, Request


def failed_call(target: str = "one") -> AttemptMade:
    return AttemptMade(
        id=f"att_{target}",
        target_id=target,
        model_id="mdl_1",
        status="error",
        usage=Usage(),
        latency_ms=1,
        error_code="timeout",
    )


def failure(code: str = "all_targets_failed", **changes: Any) -> Any:
    values = {"status": "error", "error_code": code, "http_status": 502, "error_message": "sorry"}
    return make_event(**{**values, **changes})


def perform_all() -> None:
    """Every try that is left, without the waits."""
    make_due()
    while queue.perform_next():
        make_due()


def make_due() -> None:
    with unit_of_work():
        session.execute(update(QueuedJob).values(run_at=now() - timedelta(seconds=1)))


def queued() -> list[QueuedJob]:
    return list(session.scalars(select(QueuedJob).order_by(QueuedJob.id)))


def tries() -> list[WebhookDelivery]:
    session.rollback()
    return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def events_of(receiver: Provider) -> list[str]:
    return [request.json["event"] for request in receiver.requests]


def is_signed(request: Request, secret: str) -> bool:
    """What a receiver does, by the words of the documentation."""
    parts = dict(
        part.split("=", 1) for part in request.headers["x-hyperstrate-signature"].split(",")
    )
    signed = hmac.new(secret.encode(), parts["t"].encode() + b"." + request.body, hashlib.sha256)
    is_young = abs(now().timestamp() - int(parts["t"])) < 60
    return is_young and hmac.compare_digest(parts["v1"], signed.hexdigest())


def test_tells_of_a_failed_request(store: Store, receiver: Provider) -> None:
    store(failure(id="l1", at=1_790_000_000.25), make_event(id="l2"))

    perform_all()

    [request] = receiver.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.headers["user-agent"] == "Hyperstrate-Webhook/1.0"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "event": "all_targets_failed",
        "routerId": "rtr_1",
        "detail": "sorry",
        "requestId": "l1",
        "timestamp": "2026-09-21T14:13:20Z",
    }
    [row] = tries()
    assert (row.org_id, row.router_id, row.request_id) == (ACME, "rtr_1", "l1")
    assert (row.success, row.status_code, row.error_msg, row.attempt) == (True, 200, "", 1)
    assert row.url == f"{receiver.url}/hook"


def test_a_message_is_signed_with_the_webhooks_secret(store: Store, receiver: Provider) -> None:
    store(failure())

    perform_all()

    assert is_signed(receiver.requests[0], "whsec_test")
    assert not is_signed(receiver.requests[0], "whsec_other")


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (failure("all_targets_failed"), ["all_targets_failed"]),
        (failure("circuit_open", http_status=503), ["all_targets_failed"]),
        (failure("content_blocked", http_status=403), ["request_blocked"]),
        (failure("rate_limited", http_status=429), ["rate_limit_exceeded"]),
        (failure("rate_limited", http_status=429, attempts=(failed_call(),)), []),
        (failure("budget_exceeded", http_status=402), ["budget_exceeded"]),
        (
            failure("budget_exceeded", http_status=402, attempts=(failed_call(),)),
            ["budget_exceeded"],
        ),
        (failure("timeout", attempts=(failed_call("one"), failed_call("one"))), []),
        (
            failure("timeout", attempts=(failed_call("one"), failed_call("two"))),
            ["all_targets_failed"],
        ),
        (
            failure("bad", http_status=400, attempts=(failed_call("one"), failed_call("two"))),
            [],
        ),
        (failure("unprocessable", http_status=422), []),
        (failure(router_id="rtr_without"), []),
        (failure(router_id="", source="direct"), []),
        (make_event(), []),
    ],
)
def test_tells_what_concerns_the_router(
    store: Store, receiver: Provider, event: Any, told: list[str]
) -> None:
    store(event)

    perform_all()

    assert events_of(receiver) == told


def test_of_a_burst_of_refusals_one_a_minute_is_told(store: Store, receiver: Provider) -> None:
    refused = [failure("rate_limited", at=1_790_000_000 + second) for second in range(0, 100, 10)]
    store(*refused)

    perform_all()

    assert events_of(receiver) == ["rate_limit_exceeded"] * 2


def test_a_line_that_is_read_twice_is_told_once(
    store: Store, reader: SpoolReader, receiver: Provider
) -> None:
    event = failure()
    store(event)
    perform_all()

    store(event)
    perform_all()

    assert len(receiver.requests) == 1


def test_the_message_is_queued_with_the_log_or_not_at_all(
    app: Flask, reader: SpoolReader, receiver: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> bool:
        raise RuntimeError("the database went away")

    recorder.record_inference(failure(id="l1"))
    with monkeypatch.context() as patch:
        patch.setattr(queue, "enqueue", fail)
        with pytest.raises(RuntimeError):
            recorder.drain(reader)

    assert session.get(InferenceLog, "l1") is None

    recorder.drain(reader)
    assert [job.name for job in queued()] == ["deliver_webhook"]


def test_is_sent_again_until_it_is_taken(store: Store, receiver: Provider) -> None:
    receiver.answers(answers.json({}, 500), answers.html(302), answers.reset(), answers.json({}))
    store(failure())

    perform_all()

    assert [(row.attempt, row.status_code, row.success) for row in tries()] == [
        (1, 500, False),
        (2, 302, False),
        (3, 0, False),
        (4, 200, True),
    ]
    assert tries()[0].error_msg == "answered 500"
    assert len({request.body for request in receiver.requests}) == 1
    assert len({request.headers["x-hyperstrate-delivery"] for request in receiver.requests}) == 1
    assert queued()[0].status == "done"


def test_waits_longer_after_each_failure(store: Store, receiver: Provider) -> None:
    receiver.always(answers.json({}, 500))
    store(failure())

    waits = []
    while queue.perform_next():
        waits.append(round((queued()[0].run_at - now()).total_seconds()))
        make_due()

    assert waits[:4] == [10, 60, 300, 1800]
    assert len(tries()) == 5
    assert queued()[0].status == "failed"
    assert queue.failed()[0].error == "DeliveryFailed: answered 500"


def test_an_address_inside_is_not_called(
    store: Store, receiver: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_rules", AddressRules(()))
    store(failure())

    perform_all()

    assert not receiver.requests
    [row] = tries()
    assert "inside the network" in row.error_msg
    assert not row.success


def test_a_name_that_leads_inside_is_not_called(
    store: Store, receiver: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = [(2, 1, 6, "", ("127.0.0.1", receiver.port))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_more: inside)
    monkeypatch.setattr(delivery, "_rules", AddressRules(()))
    monkeypatch.setattr(
        delivery, "_webhooks", Webhooks(f"http://hooks.example.com:{receiver.port}/")
    )
    store(failure())

    queue.perform_next()

    assert not receiver.requests
    assert "inside the network" in tries()[0].error_msg


def test_a_webhook_that_was_taken_away_hears_nothing(
    store: Store, receiver: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(failure())
    monkeypatch.setattr(delivery, "_webhooks", Webhooks())

    perform_all()

    assert not receiver.requests
    assert not tries()
    assert queued()[0].status == "done"


def test_other_modules_tell_through_send(app: Flask, receiver: Provider) -> None:
    for router_id in ("rtr_1", "rtr_without"):
        with unit_of_work():
            webhook.send(
                Occurrence(
                    ACME, router_id, "budget_threshold", now(), "80 %", budget_used_percent=80.5
                )
            )

    perform_all()

    [request] = receiver.requests
    assert request.json["event"] == "budget_threshold"
    assert request.json["budgetUsedPercent"] == 80.5


def test_a_message_of_another_organisation_finds_no_webhook(app: Flask, receiver: Provider) -> None:
    with unit_of_work():
        webhook.send(Occurrence(GLOBEX, "rtr_1", "request_blocked", now()))

    perform_all()

    assert not receiver.requests


def test_a_secret_is_in_no_log(receiver: Provider) -> None:
    endpoint = Webhooks(receiver.url).endpoint(ACME, "rtr_1")

    assert "whsec_test" not in repr(endpoint)
