"""What the observability API takes and gives; names are camelCase on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from hyperstrate.shared.schemas import MetaSchema, PageArgs

MOST_USD = 10**6
MOST_MS = 2**31


def plain(most: int = 100) -> fields.String:
    """Optional text without the character NUL, which PostgreSQL refuses."""
    return fields.String(
        load_default="",
        validate=[
            validate.Length(max=most, error=f"must be at most {most} characters"),
            validate.ContainsNoneOf("\x00", error="must not contain the character NUL"),
        ],
    )


class CamelSchema(Schema):
    """Fields take their name on the wire from their name here."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        head, *tail = field_name.split("_")
        field_obj.data_key = field_obj.data_key or head + "".join(map(str.capitalize, tail))


class Money(fields.Float):
    """US dollars as a JSON number."""


class PeriodArgs(CamelSchema):
    """Days of UTC as YYYY-MM-DD, both included."""

    from_ = fields.String(load_default="", data_key="from")
    to = fields.String(load_default="")


class UsageArgs(PeriodArgs):
    """Of which days, and in which steps."""

    granularity = fields.String(
        load_default="day",
        validate=validate.OneOf(("hour", "day", "month"), error="must be one of: hour day month"),
    )


class LimitArgs(CamelSchema):
    """How many."""

    limit = fields.Integer(load_default=50)


class FilterArgs(PeriodArgs):
    """Which logs."""

    router_id = plain()
    model_id = plain()
    api_key_id = plain()
    virtual_key_id = plain()
    team_id = plain()
    status = plain()
    source = plain()
    cache_hit = fields.Boolean(load_default=None, allow_none=True)
    min_cost_usd = fields.Decimal(load_default=None, validate=validate.Range(0, MOST_USD))
    min_latency_ms = fields.Integer(load_default=None, validate=validate.Range(0, MOST_MS))
    text = plain(200)


class LogArgs(FilterArgs, PageArgs):
    """Which logs, and which page of them; ``cursor`` wins over ``page``."""

    cursor = plain()


class FeedbackBody(CamelSchema):
    """Thumbs: -1, 0 or 1."""

    feedback = fields.Integer(
        required=True,
        strict=True,
        validate=validate.OneOf((-1, 0, 1), error="must be one of: -1 0 1"),
    )


class ModelRefSchema(CamelSchema):
    """A registered model."""

    id = fields.String()
    alias = fields.String()
    display_name = fields.String()
    model_def_key = fields.String()
    provider = fields.String()


class RouterRefSchema(CamelSchema):
    """A router."""

    id = fields.String()
    name = fields.String()


class AttemptUsageSchema(CamelSchema):
    """Tokens of one call."""

    input_tokens = fields.Integer()
    output_tokens = fields.Integer()
    cached_input_tokens = fields.Integer()
    cache_write_input_tokens = fields.Integer()
    cache_write_1h_input_tokens = fields.Integer()
    reasoning_tokens = fields.Integer()
    is_estimated = fields.Boolean()


class AttemptSchema(CamelSchema):
    """One call to a provider."""

    id = fields.String()
    target_id = fields.String()
    model_id = fields.String()
    status = fields.String()
    error_code = fields.String()
    latency_ms = fields.Float()
    cost_usd = Money()
    price_version = fields.String()
    usage = fields.Nested(AttemptUsageSchema)


class LogSchema(CamelSchema):
    """One finished request."""

    id = fields.String()
    org_id = fields.String()
    created_at = fields.DateTime()
    source = fields.String()
    dialect = fields.String()
    is_stream = fields.Boolean()
    status = fields.String()
    http_status = fields.Integer()
    finish_reason = fields.String()
    error_code = fields.String()
    error_message = fields.String()
    router_id = fields.String()
    router_name = fields.String()
    router = fields.Nested(RouterRefSchema, allow_none=True)
    selected_target_id = fields.String()
    model_id = fields.String()
    model_def_key = fields.String()
    model = fields.Nested(ModelRefSchema, allow_none=True)
    provider = fields.String()
    user_id = fields.String()
    team_id = fields.String()
    api_key_id = fields.String()
    virtual_key_id = fields.String()
    input_tokens = fields.Integer()
    output_tokens = fields.Integer()
    cached_input_tokens = fields.Integer()
    cache_write_input_tokens = fields.Integer()
    cache_write_1h_input_tokens = fields.Integer()
    reasoning_tokens = fields.Integer()
    total_tokens = fields.Integer()
    usage_is_estimated = fields.Boolean()
    cost_usd = Money()
    price_version = fields.String()
    latency_ms = fields.Integer()
    overhead_ms = fields.Float()
    ttft_ms = fields.Integer(allow_none=True)
    cache_hit = fields.Boolean()
    cache_hit_type = fields.String()
    ab_variant = fields.String()
    pipeline_trace = fields.String()
    steps = fields.List(fields.Dict(), data_key="pipelineSteps")
    attempts = fields.List(fields.Nested(AttemptSchema))
    dropped = fields.List(fields.String())
    agent_session_id = fields.String()
    agent = fields.String()
    agent_role = fields.String()
    parent_session_id = fields.String()
    turn_index = fields.Integer()
    tool_call_count = fields.Integer()
    tool_result_chars = fields.Integer()
    quality_score = fields.Integer()
    context_fill_pct = fields.Float()
    loop_detected = fields.Boolean()
    loop_reason = fields.String()
    feedback = fields.Integer()


class LogPageSchema(CamelSchema):
    """Logs, newest first. ``meta.total`` stops at 10000; ``nextCursor`` goes on without end."""

    items = fields.List(fields.Nested(LogSchema))
    meta = fields.Nested(MetaSchema)
    next_cursor = fields.String()


class LogListSchema(CamelSchema):
    """Logs, newest first."""

    data = fields.List(fields.Nested(LogSchema))


class PayloadSchema(CamelSchema):
    """What was asked and answered; ``requestFields`` is JSON text."""

    log_id = fields.String()
    router_id = fields.String()
    request_fields = fields.String(allow_none=True)
    response_content = fields.String(allow_none=True)
    created_at = fields.DateTime()


class UsageBucketSchema(CamelSchema):
    """One hour, day or month of UTC."""

    bucket = fields.String()
    requests = fields.Integer()
    input_tokens = fields.Integer()
    output_tokens = fields.Integer()
    cost_usd = Money()
    errors = fields.Integer(data_key="errorCount")
    avg_latency_ms = fields.Float()


class ModelUsageSchema(CamelSchema):
    """One model."""

    model_id = fields.String()
    model_def_key = fields.String()
    provider = fields.String()
    requests = fields.Integer()
    total_tokens = fields.Integer()
    cost_usd = Money()
    errors = fields.Integer(data_key="errorCount")
    model = fields.Nested(ModelRefSchema, allow_none=True)


class RouterUsageSchema(CamelSchema):
    """One router; an empty id is direct calls to models. The percentile is less than 5 % off."""

    router_id = fields.String()
    requests = fields.Integer()
    errors = fields.Integer()
    cost_usd = Money()
    p95_latency_ms = fields.Integer(allow_none=True)
    router = fields.Nested(RouterRefSchema, allow_none=True)


class ModelLatencySchema(CamelSchema):
    """Latencies of one model, in milliseconds; percentiles are less than 5 % off."""

    model_def_key = fields.String()
    provider = fields.String()
    count = fields.Integer()
    avg_ms = fields.Float()
    p50_ms = fields.Integer()
    p95_ms = fields.Integer()
    p99_ms = fields.Integer()


class CacheUsageSchema(CamelSchema):
    """How many requests a cache answered."""

    total_requests = fields.Integer()
    cache_hits = fields.Integer()
    exact_hits = fields.Integer()
    semantic_hits = fields.Integer()
    hit_rate_pct = fields.Float()


def data_of(item: type[Schema]) -> type[Schema]:
    """The schema of ``{"data": [item]}``."""
    name = item.__name__.removesuffix("Schema") + "List"
    return Schema.from_dict({"data": fields.List(fields.Nested(item))}, name=name)


class HealthSchema(CamelSchema):
    """The process is there."""

    status = fields.String()


class PartSchema(CamelSchema):
    """One part of the installation; ``problem`` is empty when it works."""

    status = fields.String()
    problem = fields.String()


class ReadinessSchema(CamelSchema):
    """Whether requests are answered: ok, degraded or unavailable."""

    status = fields.String()
    parts = fields.Dict(keys=fields.String(), values=fields.Nested(PartSchema))
    backlog_bytes = fields.Integer()


class DeliveryArgs(CamelSchema):
    """How many, after how many."""

    limit = fields.Integer(
        load_default=50, metadata={"description": "from 1 to 200; anything else means 50"}
    )
    offset = fields.Integer(load_default=0)


class DeliverySchema(CamelSchema):
    """One try to tell a router's webhook of an event."""

    id = fields.String()
    router_id = fields.String()
    event = fields.String(
        metadata={
            "description": "all_targets_failed, rate_limit_exceeded, request_blocked, or test"
        }
    )
    url = fields.String()
    status_code = fields.Integer(metadata={"description": "what it answered; 0 without an answer"})
    success = fields.Boolean(metadata={"description": "it answered with a status from 200 to 299"})
    error_msg = fields.String()
    attempt = fields.Integer(metadata={"description": "counts the tries of one message, from 1"})
    request_id = fields.String(metadata={"description": "the log that the message is about"})
    created_at = fields.DateTime()


class DeliveryListSchema(CamelSchema):
    """Tries, newest first, and how many there are."""

    data = fields.List(fields.Nested(DeliverySchema))
    total = fields.Integer()
