"""What the API of limits and its form take and give."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from hyperstrate.shared.schemas import Body, PageArgs, Text, page_of
from hyperstrate.shared.scopes import SCOPE_KINDS

MOST_RPS, MOST_RPM, MOST_TPM, MOST_AT_ONCE = 100_000, 10_000_000, 10_000_000_000, 1_000_000
LEAST_RPS = 0.001
_scope = validate.OneOf(SCOPE_KINDS, error="must be one of: {choices}")


def _whole(name: str, most: int, about: str) -> fields.Integer:
    fits = validate.Range(0, most, error=f"must be from 0 to {most}")
    return fields.Integer(
        data_key=name, load_default=0, strict=True, validate=fits, metadata={"description": about}
    )


def _rate(value: float) -> None:
    if value and not LEAST_RPS <= value <= MOST_RPS:
        raise ValidationError(f"must be 0, or from {LEAST_RPS} to {MOST_RPS}")


class LimitBody(Body):
    """All limits of a scope; what is left out, or zero, is not limited."""

    requests_per_second = fields.Float(
        data_key="requestsPerSecond",
        load_default=0.0,
        validate=_rate,
        metadata={"description": "0.5 is one request every two seconds"},
    )
    requests_per_minute = _whole("requestsPerMinute", MOST_RPM, "in any 60 seconds")
    tokens_per_minute = _whole(
        "tokensPerMinute", MOST_TPM, "of questions and answers, in any 60 seconds"
    )
    concurrent_requests = _whole(
        "concurrentRequests", MOST_AT_ONCE, "under way at once; a stream until it ends"
    )


class LimitForm(LimitBody):
    """The page's form: numbers come as text, and an empty field is no limit."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        super().on_bind_field(field_name, field_obj)
        if isinstance(field_obj, fields.Integer):
            field_obj.strict = False


class LimitArgs(PageArgs):
    """Of which scope; empty: of all."""

    scope = Text(
        load_default="",
        validate=validate.OneOf(["", *SCOPE_KINDS], error="must be one of: {choices}"),
    )


class LimitSchema(Schema):
    """The limits of a scope; zero: none."""

    scope = fields.String(validate=_scope)
    scope_id = fields.String(data_key="scopeId")
    requests_per_second = fields.Float(data_key="requestsPerSecond")
    requests_per_minute = fields.Integer(data_key="requestsPerMinute")
    tokens_per_minute = fields.Integer(data_key="tokensPerMinute")
    concurrent_requests = fields.Integer(data_key="concurrentRequests")
    modified_at = fields.DateTime(data_key="modifiedAt", allow_none=True)


LimitPage = page_of(LimitSchema)
