"""The state of the installation in the API."""

from __future__ import annotations

from marshmallow import fields

from hyperstrate.observability.schemas import CamelSchema


class FactsSchema(CamelSchema):
    """A part of the installation; ``problem`` is empty while it works."""

    name = fields.String()
    status = fields.String(metadata={"description": "ok, degraded or unavailable"})
    problem = fields.String()
    facts = fields.Function(
        lambda part: {fact.name: fact.value for fact in part.facts},
        metadata={"type": "object", "description": "names end in their unit"},
    )


class KeptSchema(CamelSchema):
    """One kind of data, and how long it is kept; ``variable`` decides."""

    name = fields.String()
    days = fields.Integer()
    variable = fields.String()
    count = fields.Integer(allow_none=True)
    oldest = fields.DateTime(allow_none=True)
    next_goes_at = fields.DateTime(allow_none=True)


class RetentionSchema(CamelSchema):
    """What is kept of the organization."""

    data = fields.List(fields.Nested(KeptSchema))


class SystemSchema(CamelSchema):
    """``status`` is that of the worst part; ``kept`` is of all organizations together."""

    status = fields.String()
    parts = fields.List(fields.Nested(FactsSchema))
    kept = fields.List(fields.Nested(KeptSchema))


class SecretsSchema(CamelSchema):
    """How many secrets are stored under each of SECRET_KEYS, the newest first."""

    by_key = fields.List(fields.Integer())
    unreadable = fields.Integer(metadata={"description": "those that none of the keys opens"})
