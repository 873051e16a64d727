"""Tables of the observability module."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import BigInteger, Index, Numeric, Text, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from hyperstrate.shared.db import Base, now, type_id

_SQLITE_UNITS = Decimal(10**10)


class Usd(TypeDecorator[Decimal]):
    """Money with ten decimals, exact in sums too: SQLite, which has no decimals, keeps integers."""

    impl = Numeric(18, 10)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        is_sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(BigInteger() if is_sqlite else Numeric(18, 10))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return int((value * _SQLITE_UNITS).to_integral_value())

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return Decimal(value) / _SQLITE_UNITS if dialect.name == "sqlite" else Decimal(value)


class JsonText(TypeDecorator[list[Any]]):
    """A list as JSON in a text column; JSONB would refuse characters that clients may send."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> str | None:
        return orjson.dumps(value or []).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[Any] | None:
        return orjson.loads(value or "[]")  # type: ignore[no-any-return]


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
