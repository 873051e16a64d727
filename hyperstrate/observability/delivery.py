"""Tells a router's webhook what happened: signed, tried again, every try on record."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
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
from hyperstrate.shared.http import HTTPError, client
from hyperstrate.shared.queue import Run
from hyperstrate.shared.webhook import Occurrence, WebhookEvent

TIMEOUT_S = 10.0
WAITS_S = (10, 60, 300, 1800)
MAX_DETAIL = 1000
JOB = "deliver_webhook"
# A failure of these kinds is the client's own doing, or nobody waits for the answer any more.
_OF_THE_CLIENT = frozenset({400, 413, 422, 499})
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
    if code in ("all_targets_failed", "circuit_open"):
        return "all_targets_failed"
    failing = {call["target_id"] for call in calls if call["status"] == "error"}
    is_all = failing and len(failing) >= targets and log["http_status"] not in _OF_THE_CLIENT
    return "all_targets_failed" if is_all else None


def _occurrence(event: WebhookEvent, log: Row) -> Occurrence:
    """Each request is told once, although its line may be read twice; of a limit, once a minute."""
    at = log["created_at"]
    is_burst = event == "rate_limit_exceeded"
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
