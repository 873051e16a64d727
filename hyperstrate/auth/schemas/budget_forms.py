"""How the forms of budgets on pages say what the API says: numbers and lists come as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from hyperstrate.auth.schemas.budgets import Amount, ChangeBudget, CreateBudget, above_zero
from hyperstrate.shared.schemas import Body

MOST_ALERTS = 10


class Percents(fields.Field[list[int]]):
    """Whole percents in one line: ``50, 80``."""

    def _deserialize(
        self,
        value: Any,
        attr: str | None,
        data: Mapping[str, Any] | None,
        **_: Any,
    ) -> list[int]:
        words = str(value).replace("%", " ").replace(",", " ").split()
        if not all(word.isdecimal() and len(word) < 3 and int(word) for word in words):
            raise ValidationError("must be whole numbers from 1 to 99, such as 50, 80")
        if len(words) > MOST_ALERTS:
            raise ValidationError(f"must be at most {MOST_ALERTS} numbers")
        return sorted({int(word) for word in words})


class _Form(Body):
    """What both forms say in their own way."""

    alerts = Percents(load_default=list)
    kind = fields.String(
        required=True, validate=validate.OneOf(["hard", "soft"], error="must be one of: {choices}")
    )

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        super().on_bind_field(field_name, field_obj)
        if isinstance(field_obj, fields.Integer):
            field_obj.strict = False

    @post_load
    def _as_values(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        is_hard, percents = values.pop("kind") == "hard", values.pop("alerts")
        return {**values, "is_hard": is_hard, "alert_percents": percents}


class NewBudgetForm(_Form, CreateBudget):
    """A new budget."""

    class Meta(Body.Meta):
        exclude = ("is_enabled", "is_hard", "alert_percents")


class BudgetForm(_Form, ChangeBudget):
    """What changes of a budget."""

    amount = Amount(required=True, validate=above_zero())

    class Meta(Body.Meta):
        exclude = ("is_enabled", "is_hard", "alert_percents")
