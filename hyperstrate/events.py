"""Every event that a module publishes: one frozen dataclass and one Signal each.

Those of every request are neither frozen nor slotted: the one triples the cost of making them,
the other that of writing them as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from hyperstrate.shared.chat import Usage
from hyperstrate.shared.signal import Signal


@dataclass
class AttemptMade:
    """One call to a provider inside a request, with what it used and cost.

    ``at``: when it began, Unix seconds. ``reserved``: what budgets held for it, in units of money.
    ``is_overflow``: a budget had no room for the call that was meant.
    """

    id: str
    target_id: str
    model_id: str
    status: str
    usage: Usage
    latency_ms: float
    cost_usd: Decimal = Decimal(0)
    price_version: str = ""
    error_code: str = ""
    at: float = 0.0
    reserved: int = 0
    is_overflow: bool = False


@dataclass
class RoutedInference:
    """A request went through the gateway, successfully or not. Emitted by ``router``.

    ``id`` is the request id and becomes the log's. Times are milliseconds; ``at`` is Unix seconds.
    ``steps`` are PipelineSteps as JSON objects. ``attempts`` are all calls made for it.
    ``key_prefix`` is the beginning of the secret that was sent, by which a key shows it.
    """

    id: str
    at: float
    org_id: str
    source: str
    status: str
    usage: Usage
    cost_usd: Decimal
    latency_ms: float
    overhead_ms: float
    router_id: str = ""
    router_name: str = ""
    target_id: str = ""
    model_id: str = ""
    model_def_key: str = ""
    provider: str = ""
    price_version: str = ""
    ttft_ms: float | None = None
    error_code: str = ""
    error_message: str = ""
    http_status: int = 200
    finish_reason: str = ""
    is_stream: bool = False
    dialect: str = ""
    cache_hit_type: str = ""
    user_id: str = ""
    team_id: str = ""
    api_key_id: str = ""
    virtual_key_id: str = ""
    key_prefix: str = ""
    dropped: tuple[str, ...] = ()
    steps: tuple[dict[str, Any], ...] = ()
    attempts: tuple[AttemptMade, ...] = ()
    session: dict[str, Any] = field(default_factory=dict)
    request_body: dict[str, Any] | None = None
    response_text: str | None = None


routed_inference: Signal[RoutedInference] = Signal("routed_inference")


@dataclass(frozen=True, slots=True)
class CallerRefused:
    """Somebody may not call models: no valid key, or not this one. Emitted by ``router``."""

    code: str


caller_refused: Signal[CallerRefused] = Signal("caller_refused")


@dataclass(frozen=True, slots=True)
class ModelDeleted:
    """A registration was deleted. Emitted by ``ai`` after the commit."""

    org_id: str
    model_id: str


model_deleted: Signal[ModelDeleted] = Signal("model_deleted")


@dataclass(frozen=True, slots=True)
class RouterDeleted:
    """A router was deleted. Emitted by ``router`` after the commit."""

    org_id: str
    router_id: str


router_deleted: Signal[RouterDeleted] = Signal("router_deleted")


@dataclass(frozen=True, slots=True)
class RequestsRecorded:
    """Finished requests stand in the log. Emitted by ``observability`` after a batch's commit.

    ``keys_used``: (organisation, API key or virtual key, prefix of its secret) and when that was
    last used. Emitted in the recorder's process, with an application context.
    """

    keys_used: Mapping[tuple[str, str, str], datetime]


requests_recorded: Signal[RequestsRecorded] = Signal("requests_recorded")


@dataclass(frozen=True, slots=True)
class BudgetCrossed:
    """So many percent of a budget are used, for the first time in its window. Emitted by ``auth``.

    In the recorder's process, after the commit that entered what was spent. ``window`` names the
    budget's window. ``used`` and ``amount`` are dollars, requests or tokens, as ``unit`` says.
    """

    org_id: str
    budget_id: str
    scope: str
    scope_id: str
    window: str
    percent: int
    is_hard: bool
    used: Decimal
    amount: Decimal
    unit: str


budget_crossed: Signal[BudgetCrossed] = Signal("budget_crossed")
