"""Schemas that every module's API shares."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

REQUIRED: dict[str, Any] = {"required": "this field is required", "null": "this field is required"}


def name_field(**options: Any) -> fields.String:
    """A name: 1 to 255 characters."""
    return fields.String(
        required=options.pop("required", True),
        error_messages=REQUIRED,
        validate=validate.Length(1, 255, error="must have 1 to 255 characters"),
        **options,
    )


class PageArgs(Schema):
    """Which page of a list."""

    page = fields.Integer(load_default=1)
    per_page = fields.Integer(load_default=30, data_key="perPage")


class SearchArgs(PageArgs):
    """Which page of the matches."""

    query = fields.String(load_default="")


class MetaSchema(Schema):
    """Where a page stands in its list."""

    total = fields.Integer()
    count = fields.Integer()
    perPage = fields.Integer()  # noqa: N815
    pages = fields.Integer()
    page = fields.Integer()


def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a page of ``item``."""
    name = item.__name__.removesuffix("Schema") + "Page"
    members = {"items": fields.List(fields.Nested(item)), "meta": fields.Nested(MetaSchema)}
    return Schema.from_dict(members, name=name)
