"""What a router's webhook is told: published here, delivered where observability listens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hyperstrate.shared.signal import Signal

WebhookEvent = Literal[
    "all_targets_failed",
    "rate_limit_exceeded",
    "request_blocked",
    "budget_exceeded",
    "budget_threshold",
    "quality_gate_failed",
    "loop_detected",
    "test",
]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that a router's owner wants to hear of.

    ``budget_used_percent`` belongs to the events of budgets. Occurrences of one router with the
    same ``key`` are told once a day at most; without a key each one is.
    """

    org_id: str
    router_id: str
    event: WebhookEvent
    at: datetime
    detail: str = ""
    request_id: str = ""
    budget_used_percent: float | None = None
    key: str = ""


occurred: Signal[Occurrence] = Signal("webhook")


def send(occurrence: Occurrence) -> None:
    """Tell the router's webhook, if it has one, once the present unit of work is committed.

    Costs a look into the database: never on the way of a request.
    """
    occurred.emit(occurrence)
