"""What the API of virtual keys and its pages' forms take and give."""

from __future__ import annotations

from marshmallow import fields, validate

from hyperstrate.auth.schemas.keys import AnyKeySchema, RuleFields, expiry
from hyperstrate.shared.schemas import Body, Text, page_of

PERIODS = ("", "daily", "weekly", "monthly")
MOST = 10**11


def _range() -> validate.Range:
    return validate.Range(0, MOST, error="must be from {min} to {max}")


class ChangeVirtualKey(RuleFields):
    """What changes. Ceilings of zero mean none; they begin anew with each ``resetPeriod``."""

    name = Text(min=1)
    description = Text(max=2000)
    is_enabled = fields.Boolean(data_key="isEnabled")
    expires_at = expiry(allow_none=True)
    max_requests = fields.Integer(data_key="maxRequests", strict=True, validate=_range())
    max_cost_usd = fields.Float(data_key="maxCostUsd", validate=_range())
    rate_limit_rps = fields.Float(data_key="rateLimitRps", validate=_range())
    reset_period = fields.String(
        data_key="resetPeriod",
        validate=validate.OneOf(PERIODS, error="must be empty or one of: daily weekly monthly"),
    )


class CreateVirtualKey(ChangeVirtualKey):
    """A new virtual key of one router."""

    class Meta(Body.Meta):
        exclude = ("is_enabled",)

    name = Text(required=True)
    router_id = Text(data_key="routerId", required=True, max=100)
    team_id = Text(data_key="teamId", load_default="", max=100)


class VirtualKeySchema(AnyKeySchema):
    """A virtual key."""

    max_requests = fields.Integer(attribute="key.max_requests", data_key="maxRequests")
    max_cost_usd = fields.Float(attribute="key.max_cost_usd", data_key="maxCostUsd")
    rate_limit_rps = fields.Float(attribute="key.rate_limit_rps", data_key="rateLimitRps")
    reset_period = fields.String(attribute="key.reset_period", data_key="resetPeriod")


class IssuedVirtualKeySchema(VirtualKeySchema):
    """A virtual key with its secret, which is not shown again."""

    key = fields.String(attribute="secret")


VirtualKeyPage = page_of(VirtualKeySchema)
