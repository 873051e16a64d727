"""Tables of the observability module."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import BigInteger, Index, Text, UniqueConstraint, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from hyperstrate.shared.db import Base, now, type_id
from hyperstrate.shared.money import Usd


class JsonText(TypeDecorator[list[Any]]):
    """A list as JSON in a text column; JSONB would refuse characters that clients may send."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> str | None:
        return orjson.dumps(value or []).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[Any] | None:
        return orjson.loads(value or "[]")  # type: ignore[no-any-return]


class CountsText(TypeDecorator[dict[str, int]]):
    """How often each value came, as JSON in a text column."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: dict[str, int] | None, dialect: Dialect) -> str | None:
        return orjson.dumps(value or {}).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, int] | None:
        return orjson.loads(value or "{}")  # type: ignore[no-any-return]


class InferenceLog(Base):
    """One finished request, successful or not.

    No foreign keys: what was used and paid stays in the books when a router, key or model goes.
    """

    __tablename__ = "inference_logs"
    __table_args__ = (
        Index(None, "org_id", "created_at", "id"),
        Index(None, "org_id", "router_id", "created_at", "id"),
        Index(None, "org_id", "api_key_id", "created_at", "id"),
        Index(
            None,
            "org_id",
            "status",
            "created_at",
            "id",
            postgresql_where=text("status = 'error'"),
            sqlite_where=text("status = 'error'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)

    source: Mapped[str] = mapped_column(default="direct")
    dialect: Mapped[str] = mapped_column(default="")
    is_stream: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(default="success")
    http_status: Mapped[int] = mapped_column(default=200)
    finish_reason: Mapped[str] = mapped_column(default="")
    error_code: Mapped[str] = mapped_column(default="")
    error_message: Mapped[str] = mapped_column(Text, default="")

    router_id: Mapped[str] = mapped_column(default="")
    router_name: Mapped[str] = mapped_column(default="")
    selected_target_id: Mapped[str] = mapped_column(default="")
    model_id: Mapped[str] = mapped_column(default="")
    model_def_key: Mapped[str] = mapped_column(default="")
    provider: Mapped[str] = mapped_column(default="")
    user_id: Mapped[str] = mapped_column(default="")
    team_id: Mapped[str] = mapped_column(default="")
    api_key_id: Mapped[str] = mapped_column(default="")
    virtual_key_id: Mapped[str] = mapped_column(default="")

    input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    output_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    cached_input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    cache_write_input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    cache_write_1h_input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    reasoning_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    total_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    usage_is_estimated: Mapped[bool] = mapped_column(default=False)
    cost_usd: Mapped[Decimal] = mapped_column(Usd, default=Decimal(0))
    price_version: Mapped[str] = mapped_column(default="")

    latency_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    overhead_ms: Mapped[float] = mapped_column(default=0.0)
    ttft_ms: Mapped[int | None] = mapped_column(BigInteger)

    cache_hit: Mapped[bool] = mapped_column(default=False)
    cache_hit_type: Mapped[str] = mapped_column(default="")
    ab_variant: Mapped[str] = mapped_column(default="")
    pipeline_trace: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[list[Any]] = mapped_column(JsonText, default=list)
    dropped: Mapped[list[Any]] = mapped_column(JsonText, default=list)

    agent_session_id: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")
    agent_role: Mapped[str] = mapped_column(default="")
    parent_session_id: Mapped[str] = mapped_column(default="")
    turn_index: Mapped[int] = mapped_column(default=0)
    tool_call_count: Mapped[int] = mapped_column(default=0)
    tool_result_chars: Mapped[int] = mapped_column(default=0)
    quality_score: Mapped[int] = mapped_column(default=0)
    context_fill_pct: Mapped[float] = mapped_column(default=0.0)
    loop_detected: Mapped[bool] = mapped_column(default=False)
    loop_reason: Mapped[str] = mapped_column(Text, default="")
    feedback: Mapped[int] = mapped_column(default=0)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The trace: PipelineSteps as JSON objects."""
        return orjson.loads(self.pipeline_trace or "[]")  # type: ignore[no-any-return]


class InferencePayload(Base):
    """What was asked and answered in one request, where its router stores that."""

    __tablename__ = "inference_payloads"

    log_id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    router_id: Mapped[str] = mapped_column(default="")
    request_fields: Mapped[str | None] = mapped_column(Text)
    response_content: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(index=True)


class UsageHour(Base):
    """What the requests of one hour of UTC add up to.

    ``scope`` says of which requests: "all"; "router", those of one router, or of none; "model",
    those of one model. What does not name its scope is empty. ``latencies``: how long they took,
    rounded as ``latencies.about`` does, and how many took that long; without those that took no
    time, and of a model only the successful ones. ``latency_ms`` is the sum of the same, exactly.

    ``sums`` keeps it, in the transaction that writes the logs; ``retention`` says how long.
    """

    __tablename__ = "usage_hours"
    __table_args__ = ({"sqlite_with_rowid": False},)

    org_id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    router_id: Mapped[str] = mapped_column(primary_key=True)
    model_id: Mapped[str] = mapped_column(primary_key=True)
    model_def_key: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)

    requests: Mapped[int] = mapped_column(BigInteger)
    errors: Mapped[int] = mapped_column(BigInteger)
    cache_hits: Mapped[int] = mapped_column(BigInteger)
    exact_hits: Mapped[int] = mapped_column(BigInteger)
    semantic_hits: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    cost_usd: Mapped[Decimal] = mapped_column(Usd(28))
    latency_ms: Mapped[int] = mapped_column(BigInteger)
    latencies: Mapped[dict[str, int]] = mapped_column(CountsText)


class WebhookDelivery(Base):
    """One try to tell a router's webhook of an event; ``status_code`` is 0 without an answer."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (Index(None, "org_id", "router_id", "created_at", "id"),)

    id: Mapped[str] = type_id("whdlv")
    org_id: Mapped[str]
    router_id: Mapped[str]
    event: Mapped[str]
    url: Mapped[str] = mapped_column(Text)
    status_code: Mapped[int] = mapped_column(default=0)
    success: Mapped[bool] = mapped_column(default=False)
    error_msg: Mapped[str] = mapped_column(Text, default="")
    attempt: Mapped[int] = mapped_column(default=1)
    request_id: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class AuditLog(Base):
    """What somebody did, or was refused: one link of a chain, written once and never changed.

    Each organization has a chain, and the installation has one under the empty ``org_id``. ``hash``
    is the SHA-256 of all other columns, ``prev_hash``, the hash of the link before, among them.
    ``seq`` counts from 1. ``user_id`` and ``user_email``: the actor, a person or not. No foreign
    keys: what was done stays when its organization goes.
    """

    __tablename__ = "audit_logs"
    __table_args__ = (
        UniqueConstraint("org_id", "seq"),
        Index(None, "org_id", "created_at"),
        Index(None, "org_id", "resource", "resource_id"),
    )

    id: Mapped[str] = type_id("alog")
    org_id: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    actor_kind: Mapped[str]
    user_id: Mapped[str]
    user_email: Mapped[str]
    action: Mapped[str]
    resource: Mapped[str]
    resource_id: Mapped[str]
    outcome: Mapped[str]
    details: Mapped[str] = mapped_column(Text)
    ip_address: Mapped[str]
    user_agent: Mapped[str]
    request_id: Mapped[str]
    prev_hash: Mapped[str]
    hash: Mapped[str]


class AuditChain(Base):
    """The end of a chain, and the row that its writers wait for.

    ``seq`` and ``hash`` are those of the last link. Links up to ``purged_seq`` are gone with their
    time; ``purged_hash`` is the hash of the last of them, which the next one names.
    """

    __tablename__ = "audit_chains"

    org_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    hash: Mapped[str] = mapped_column(default="")
    purged_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    purged_hash: Mapped[str] = mapped_column(default="")
