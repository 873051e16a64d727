"""What the API of budgets and its pages' forms take and give."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from hyperstrate.auth.books import amounts, budgets, windows
from hyperstrate.shared.db import now
from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.money import SMALLEST_USD
from hyperstrate.shared.schemas import REQUIRED, Body, PageArgs, Text, page_of
from hyperstrate.shared.scopes import SCOPE_KINDS

MOST_USD = Decimal(100_000_000)
MOST_COUNT = Decimal(10**15)
MOST_ROLLING_HOURS = 24 * 366
_BOUNDS = {"usd": MOST_USD, "requests": MOST_COUNT, "tokens": MOST_COUNT}


def _one_of(*words: str) -> validate.OneOf:
    return validate.OneOf(words, error="must be one of: {choices}")


def above_zero() -> validate.Range:
    return validate.Range(0, min_inclusive=False, error="must be above zero")


def _is_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("must be a time zone such as Europe/Berlin")


class Amount(fields.Decimal):
    """Dollars, requests or tokens; never infinite."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_nan=False, **options)

    def _serialize(self, value: Decimal | None, *_: Any, **__: Any) -> Any:
        if value is None:
            return None
        return int(value) if value == int(value) else float(value)


class _Values(Body):
    """What a budget is made of, besides its scope."""

    name = Text(max=255)
    amount = Amount(validate=above_zero())
    period = fields.String(validate=_one_of(*windows.PERIODS))
    time_zone = fields.String(data_key="timeZone", validate=_is_time_zone)
    rolling_hours = fields.Integer(
        data_key="rollingHours",
        strict=True,
        validate=validate.Range(0, MOST_ROLLING_HOURS, error="must be at most {max}"),
    )
    is_hard = fields.Boolean(data_key="isHard")
    alert_percents = fields.List(
        fields.Integer(strict=True, validate=validate.Range(1, 99, error="must be from 1 to 99")),
        data_key="alertPercents",
        validate=validate.Length(max=10),
    )
    is_enabled = fields.Boolean(data_key="isEnabled")


class CreateBudget(_Values):
    """A new budget. ``rollingHours`` is required for the period ``rolling``."""

    scope = fields.String(required=True, validate=_one_of(*SCOPE_KINDS))
    scope_id = Text(required=True, data_key="scopeId", max=100)
    unit = fields.String(load_default="usd", validate=_one_of(*budgets.UNITS))
    amount = Amount(required=True, validate=above_zero())
    period = fields.String(load_default="monthly", validate=_one_of(*windows.PERIODS))
    alert_percents = fields.List(
        fields.Integer(strict=True, validate=validate.Range(1, 99, error="must be from 1 to 99")),
        data_key="alertPercents",
        load_default=[80],
        validate=validate.Length(max=10),
    )

    @validates_schema
    def _fits_together(self, values: dict[str, Any], **_: Any) -> None:
        check_together(values)


class ChangeBudget(_Values):
    """What changes; a budget's unit and scope do not."""


class RaiseBudget(Body):
    """More for a while. An amount of zero ends a raise."""

    amount = Amount(required=True, validate=validate.Range(0, error="must not be negative"))
    until = fields.AwareDateTime(load_default=None, default_timezone=UTC)

    @validates_schema
    def _ends(self, values: dict[str, Any], **_: Any) -> None:
        if not values["amount"]:
            return
        if values["until"] is None:
            raise ValidationError(REQUIRED["required"], "until")
        if values["until"] <= now():
            raise ValidationError("must be in the future", "until")


class BudgetArgs(PageArgs):
    """Which budgets."""

    scope = Text(load_default="", validate=_one_of("", *SCOPE_KINDS))
    scope_id = Text(data_key="scopeId", load_default="", max=100)


class BudgetSchema(Schema):
    """A budget, and what is used of it in its present window."""

    id = fields.String(attribute="budget.id")
    org_id = fields.String(attribute="budget.org_id", data_key="orgId")
    scope = fields.String(attribute="budget.scope")
    scope_id = fields.String(attribute="budget.scope_id", data_key="scopeId")
    scope_name = fields.String(data_key="scopeName")
    router_id = fields.String(attribute="budget.router_id", data_key="routerId")
    name = fields.String(attribute="budget.name")
    unit = fields.String(attribute="budget.unit")
    amount = Amount()
    period = fields.String(attribute="budget.period")
    time_zone = fields.String(attribute="budget.time_zone", data_key="timeZone")
    rolling_hours = fields.Integer(attribute="budget.rolling_hours", data_key="rollingHours")
    is_hard = fields.Boolean(attribute="budget.is_hard", data_key="isHard")
    is_cap = fields.Boolean(attribute="budget.is_cap", data_key="isCap")
    alert_percents = fields.List(
        fields.Integer(), attribute="budget.alert_percents", data_key="alertPercents"
    )
    raised_by = Amount(data_key="raisedBy")
    raised_until = fields.DateTime(
        attribute="budget.raised_until", data_key="raisedUntil", allow_none=True
    )
    is_enabled = fields.Boolean(attribute="budget.is_enabled", data_key="isEnabled")
    used = Amount()
    reserved = Amount()
    remaining = Amount()
    window_start = fields.DateTime(data_key="windowStart", allow_none=True)
    window_end = fields.DateTime(data_key="windowEnd", allow_none=True)
    created_at = fields.DateTime(attribute="budget.created_at", data_key="createdAt")
    modified_at = fields.DateTime(attribute="budget.modified_at", data_key="modifiedAt")


BudgetPage = page_of(BudgetSchema)


def check_together(values: dict[str, Any]) -> None:
    """Raises ValidationError for values that do not fit one another."""
    check_amount(values["unit"], values["amount"])
    is_rolling = values["period"] == "rolling"
    if is_rolling != bool(values.get("rolling_hours")):
        complaint = "this field is required" if is_rolling else "only a rolling budget has hours"
        raise ValidationError(complaint, "rollingHours")


def check_amount(unit: str, amount: Decimal) -> None:
    """Raises ValidationError for what cannot be counted."""
    if amount > _BOUNDS[unit]:
        raise ValidationError(f"must be at most {_BOUNDS[unit]:,}", "amount")
    if unit != "usd" and amount != amount.to_integral_value():
        raise ValidationError(f"must be a whole number of {unit}", "amount")
    if amount and unit == "usd" and amount < SMALLEST_USD:
        raise ValidationError(f"must be at least {SMALLEST_USD:f}", "amount")


def checked_raise(budget: Any, values: dict[str, Any]) -> dict[str, Any]:
    """``values`` of a raise, if the budget can be larger by them. Raises BadRequest."""
    amount = amounts.for_people(budget.unit, budget.amount)
    try:
        check_amount(budget.unit, values["amount"])
        check_amount(budget.unit, amount + values["amount"])
    except ValidationError as error:
        raise _refusal(error) from None
    return values


def checked_change(budget: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """``changes``, if they fit what the budget is. Raises BadRequest."""
    values = {
        "amount": amounts.for_people(budget.unit, budget.amount),
        "unit": budget.unit,
        "period": budget.period,
        "rolling_hours": budget.rolling_hours,
    }
    if changes.get("period", "rolling") != "rolling":
        changes = {"rolling_hours": 0, **changes}
    try:
        check_together(values | changes)
    except ValidationError as error:
        raise _refusal(error) from None
    return changes


def _refusal(error: ValidationError) -> BadRequest:
    complaints = [str(message) for message in error.messages]
    return BadRequest("validation failed", fields={error.field_name: complaints})
