"""Schemas that every module's API shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

REQUIRED: dict[str, Any] = {"required": "this field is required", "null": "this field is required"}
UNSTORABLE = "has characters that cannot be stored"

_WRONG_TYPE: dict[type[fields.Field[Any]], str] = {
    fields.String: "must be text",
    fields.Boolean: "must be true or false",
    fields.Integer: "must be a whole number",
    fields.Float: "must be a number",
    fields.List: "must be a list",
    fields.Dict: "must be an object",
    fields.Nested: "must be an object",
    fields.DateTime: "must be a time such as 2027-01-31T00:00:00Z",
}


class Text(fields.String):
    """Text that every database can keep, without the space around it."""

    def __init__(self, *, max: int = 255, min: int = 0, strip: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.strip = strip
        if min == 1:
            self.validators.append(validate.Length(min=1, error=REQUIRED["required"]))
        elif min > 1:
            self.validators.append(
                validate.Length(min=min, error="must be at least {min} characters")
            )
        self.validators.append(validate.Length(max=max, error="must be at most {max} characters"))

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, *args, **kwargs))
        text = text.strip() if self.strip else text
        if self.required and not text:
            raise ValidationError(REQUIRED["required"])
        if not is_storable(text):
            raise ValidationError(UNSTORABLE)
        return text


def is_storable(text: str) -> bool:
    """No NUL, and no half of a surrogate pair, which JSON can spell but UTF-8 cannot."""
    if "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


class Body(Schema):
    """Unknown fields are ignored, and null is as good as absent where it is not meant."""

    class Meta:
        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        kinds = (words for kind, words in _WRONG_TYPE.items() if isinstance(field_obj, kind))
        field_obj.error_messages |= {"invalid": next(kinds, "is of the wrong type")} | REQUIRED

    @pre_load
    def _leave_nulls_out(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        known = self.fields.items()
        nullable = {field.data_key or name for name, field in known if field.allow_none}
        return {
            name: value for name, value in data.items() if value is not None or name in nullable
        }


class PageArgs(Body):
    """Which page of a list."""

    page = fields.Integer(load_default=1)
    per_page = fields.Integer(load_default=30, data_key="perPage")


class SearchArgs(PageArgs):
    """Which page of the matches."""

    query = Text(load_default="")


class MetaSchema(Schema):
    """Where a page stands in its list."""

    total = fields.Integer()
    count = fields.Integer()
    perPage = fields.Integer()
    pages = fields.Integer()
    page = fields.Integer()


def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a page of ``item``."""
    name = item.__name__.removesuffix("Schema") + "Page"
    members = {"items": fields.List(fields.Nested(item)), "meta": fields.Nested(MetaSchema)}
    return Schema.from_dict(members, name=name)
