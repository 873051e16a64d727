"""What the API of a provider's bill and its page's form take and give."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from hyperstrate.auth.books.bill_columns import Quantity
from hyperstrate.auth.books.comparison import STATES, Line
from hyperstrate.shared.schemas import Body, Text

_OF: dict[Quantity, str] = {"tokens": "tokens", "requests": "requests", "cost_usd": "costUsd"}


class BillArgs(Body):
    """Whose bill it is (``openai``), where its columns do not tell."""

    provider = Text(load_default="", max=50)


class BillForm(BillArgs):
    """``show``: on the page, or as a CSV file."""

    show = fields.String(load_default="page", validate=validate.OneOf(("page", "csv")))


class SideSchema(Schema):
    """Numbers of one side; of theirs what the file does not say is 0."""

    tokens = fields.Integer()
    requests = fields.Integer()
    cost_usd = fields.Float(data_key="costUsd")


class LineSchema(Schema):
    """A model on one day, or on all (``day`` is null).

    ``differences`` are theirs less ours, ``percents`` those of theirs, of what the file says.
    """

    day = fields.Date(allow_none=True)
    model = fields.String()
    model_ids = fields.Function(
        lambda line: sorted(line.ours.model_ids), data_key="modelIds",
        metadata={"type": "array", "items": {"type": "string"}},
    )  # fmt: skip
    theirs = fields.Nested(SideSchema)
    ours = fields.Nested(SideSchema)
    differences = fields.Method("_differences", metadata={"type": "object"})
    percents = fields.Method("_percents", metadata={"type": "object"})
    estimated_requests = fields.Integer(attribute="ours.estimated", data_key="estimatedRequests")
    state = fields.String(validate=validate.OneOf(STATES))
    reasons = fields.List(fields.String())

    def _differences(self, line: Line) -> dict[str, float]:
        return {_OF[name]: float(line.difference(name)) for name in line.says}

    def _percents(self, line: Line) -> dict[str, float | None]:
        found = {name: line.percent(name) for name in line.says}
        return {_OF[name]: _rounded(percent) for name, percent in found.items()}


def _rounded(percent: Any) -> float | None:
    return None if percent is None else round(float(percent), 4)


class ProblemSchema(Schema):
    """A row that could not be read."""

    line = fields.Integer()
    problem = fields.String(attribute="text")


class ComparisonSchema(Schema):
    """A bill beside the ledger. ``compares``: what the file says; ``problems`` has the first 50."""

    provider = fields.String()
    since = fields.Date()
    until = fields.Date()
    compares = fields.Function(
        lambda found: [_OF[name] for name in found.bill.says],
        metadata={"type": "array", "items": {"type": "string", "enum": list(_OF.values())}},
    )
    rows = fields.Integer(attribute="bill.rows")
    unread_rows = fields.Integer(attribute="bill.unread", data_key="unreadRows")
    problems = fields.List(fields.Nested(ProblemSchema), attribute="bill.problems")
    ignored_columns = fields.List(
        fields.String(), attribute="bill.ignored", data_key="ignoredColumns"
    )
    total = fields.Nested(LineSchema)
    models = fields.List(fields.Nested(LineSchema))
    days = fields.List(fields.Nested(LineSchema))


class BalanceSchema(Schema):
    """One budget's window as entries, sums, counters and log have it, in the budget's unit."""

    budget_id = fields.String(attribute="budget.id", data_key="budgetId")
    unit = fields.String(attribute="budget.unit")
    entries = fields.Float()
    sums = fields.Float()
    counters = fields.Float()
    open = fields.Float()
    difference = fields.Float()
    log_difference_usd = fields.Float(attribute="log_difference", data_key="logDifferenceUsd")
    is_even = fields.Boolean(data_key="isEven")


class BalancesSchema(Schema):
    """The balance of every budget."""

    items = fields.List(fields.Nested(BalanceSchema))
