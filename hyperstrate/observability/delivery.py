"""Tells a router's webhook what happened: signed, tried again, every try on record."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import orjson
from sqlalchemy import func, select

from hyperstrate.observability.models import WebhookDelivery
from hyperstrate.observability.ports import Endpoint, Webhooks
from hyperstrate.observability.rows import Record, Row
from hyperstrate.shared import queue
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.errors import BadRequest, NotFound
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.queue import Run
from hyperstrate.shared.webhook import Occurrence, WebhookEvent

TIMEOUT_S = 10.0
WAITS_S = (10, 60, 300, 1800)
MAX_DETAIL = 1000
JOB = "deliver_webhook"
# A failure of these kinds is the client's own doing, or nobody waits for the answer any more.
_OF_THE_CLIENT = frozenset({400, 413, 422, 499})
_NO_ROOM = 402
_BURSTS = frozenset({"rate_limit_exceeded", "budget_exceeded"})
_webhooks: Webhooks | None = None
_rules = AddressRules(())


class DeliveryFailed(Exception):
    """The receiver did not take the message; the record says why."""


def configure(webhooks: Webhooks, rules: AddressRules) -> None:
    """Set whom to ask where webhooks are, and where they may be."""
    global _webhooks, _rules
    _webhooks, _rules = webhooks, rules


def queue_those_of(records: Sequence[Record]) -> None:
    """Queue what webhooks are to hear of finished requests, in the unit of work of their log."""
    failed = [record.log for record in records if record.log["status"] == "error"]
    router_ids = {log["router_id"] for log in failed if log["router_id"]}
    listening = _asked().listening(router_ids) if router_ids else {}
    for log in failed:
        if log["router_id"] in listening:
            event = _event_of(log, targets=listening[log["router_id"]])
            if event is not None:
                queue_delivery(_occurrence(event, log))


def _event_of(log: Row, *, targets: int) -> WebhookEvent | None:
    code, calls = log["error_code"], log["attempts"]
    if code == "content_blocked":
        return "request_blocked"
    if code == "rate_limited" and not calls:  # ours; a provider's limit is the end of a call
        return "rate_limit_exceeded"
    if code == "budget_exceeded" and log["http_status"] == _NO_ROOM:
        return "budget_exceeded"
    if code in ("all_targets_failed", "circuit_open"):
        return "all_targets_failed"
    failing = {call["target_id"] for call in calls if call["status"] == "error"}
    is_all = failing and len(failing) >= targets and log["http_status"] not in _OF_THE_CLIENT
    return "all_targets_failed" if is_all else None


def _occurrence(event: WebhookEvent, log: Row) -> Occurrence:
    """Each request is told once, although its line may be read twice; of a limit or budget, one a
    minute."""
    at = log["created_at"]
    is_burst = event in _BURSTS
    return Occurrence(
        org_id=log["org_id"],
        router_id=log["router_id"],
        event=event,
        at=at,
        detail=log["error_message"],
        request_id=log["id"],
        key=f"{event}:{at:%Y-%m-%dT%H:%M}" if is_burst else f"{event}:{log['id']}",
    )


def queue_delivery(occurrence: Occurrence) -> None:
    """Queue the message about ``occurrence`` in the present unit of work."""
    key = f"webhook:{occurrence.router_id}:{occurrence.key}" if occurrence.key else ""
    queue.enqueue(
        JOB,
        key=key[:255],
        org_id=occurrence.org_id,
        router_id=occurrence.router_id,
        event=occurrence.event,
        request_id=occurrence.request_id,
        body=_message(occurrence),
    )


def queue_if_listening(occurrence: Occurrence) -> None:
    """Queue it where the router has a webhook."""
    if _asked().listening([occurrence.router_id]):
        queue_delivery(occurrence)


def _message(occurrence: Occurrence) -> str:
    """The body as it goes out; what is empty is left out."""
    members: dict[str, Any] = {
        "event": occurrence.event,
        "routerId": occurrence.router_id,
        "detail": occurrence.detail[:MAX_DETAIL],
        "budgetUsedPercent": occurrence.budget_used_percent,
        "requestId": occurrence.request_id,
        "timestamp": f"{occurrence.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    return orjson.dumps({name: value for name, value in members.items() if value}).decode()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one try. ``is_final``: another one would end the same way."""

    status_code: int = 0
    error: str = ""
    is_final: bool = False


@queue.job(JOB, waits_s=WAITS_S, longest_s=60)
def deliver(
    run: Run, *, org_id: str, router_id: str, event: str, request_id: str, body: str
) -> None:
    """One try; opens its own units of work, so that no transaction waits for the receiver.

    Raises DeliveryFailed when another try may help. A webhook that was taken away ends it.
    """
    with unit_of_work():
        endpoint = _asked().endpoint(org_id, router_id)
    if endpoint is None:
        return
    outcome = _post(endpoint, body.encode(), delivery_id=run.job_id)
    row = WebhookDelivery(
        org_id=org_id,
        router_id=router_id,
        event=event,
        attempt=run.attempt,
        request_id=request_id,
    )
    _record(row, endpoint, outcome)
    if outcome.error and not outcome.is_final:
        raise DeliveryFailed(outcome.error)


def send_test(org_id: str, router_id: str) -> WebhookDelivery:
    """Send a message of the event ``test`` now, once; opens its own units of work.

    Raises NotFound when the router has no webhook.
    """
    with unit_of_work():
        endpoint = _asked().endpoint(org_id, router_id)
    if endpoint is None:
        raise NotFound("this router has no webhook")
    row = WebhookDelivery(org_id=org_id, router_id=router_id, event="test")
    occurrence = Occurrence(org_id, router_id, "test", now(), "A test from Hyperstrate.")
    body = _message(occurrence).encode()
    _record(row, endpoint, _post(endpoint, body, delivery_id=new_id("qjob")))
    return row


def _record(row: WebhookDelivery, endpoint: Endpoint, outcome: _Outcome) -> None:
    row.url = endpoint.url
    row.status_code = outcome.status_code
    row.success = not outcome.error
    row.error_msg = outcome.error.replace("\x00", "\ufffd")
    with unit_of_work():
        session.add(row)


def _post(endpoint: Endpoint, body: bytes, *, delivery_id: str) -> _Outcome:
    from hyperstrate.shared.http import HTTPError, client  # takes long, and few need it

    try:
        _rules.check_base_url(endpoint.url, name="webhook", field="webhookUrl")
    except BadRequest as error:
        return _Outcome(error=error.message, is_final=True)
    headers = {
        "content-type": "application/json",
        "user-agent": "Hyperstrate-Webhook/1.0",
        "x-hyperstrate-delivery": delivery_id,
        "x-hyperstrate-signature": signature(endpoint.secret, body, at=int(time.time())),
    }
    try:
        with (
            client(_rules, TIMEOUT_S) as http,
            http.stream("POST", endpoint.url, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
    except HTTPError as error:
        return _Outcome(error=str(error) or type(error).__name__)
    if 300 <= status < 400:
        return _Outcome(status, f"answered {status}; redirects are not followed")
    return _Outcome(status, "" if status < 300 else f"answered {status}")


def signature(secret: str, body: bytes, *, at: int) -> str:
    """``t=<Unix seconds>,v1=<hex>``: HMAC-SHA-256 of ``<t>.<body>`` with the webhook's secret."""
    signed = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Some of a router's deliveries, newest first, and how many there are."""

    data: Sequence[WebhookDelivery]
    total: int


def deliveries(org_id: str, router_id: str, *, limit: int = 50, offset: int = 0) -> Deliveries:
    """What was sent to a router's webhook, newest first."""
    of_router = (WebhookDelivery.org_id == org_id, WebhookDelivery.router_id == router_id)
    query = select(WebhookDelivery).where(*of_router)
    newest = query.order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc())
    total = session.scalar(select(func.count()).select_from(WebhookDelivery).where(*of_router))
    return Deliveries(session.scalars(newest.limit(limit).offset(offset)).all(), total or 0)


def _asked() -> Webhooks:
    assert _webhooks is not None, "delivery.configure() was not called"
    return _webhooks
