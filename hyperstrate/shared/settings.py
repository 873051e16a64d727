"""Stage settings: one dataclass gives types, defaults, validation, the API's schema and the form.

@dataclass(frozen=True)
class Config:
    max_retries: int = setting(3, min=0, max=10, help="Calls after the first one")
"""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, TypeVar, get_args, get_origin

from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.schemas import UNSTORABLE, is_storable

C = TypeVar("C")
Check = typing.Callable[[Any], str | None]


@dataclass(frozen=True)
class Rule:
    """What a setting may be. ``check`` returns a complaint or None; ``widget`` hints the form."""

    min: float | None = None
    max: float | None = None
    max_items: int | None = None
    max_length: int | None = None
    help: str = ""
    label: str = ""
    widget: str = ""
    check: Check | None = None


def setting(
    default: Any,
    *,
    min: float | None = None,
    max: float | None = None,
    max_items: int | None = None,
    max_length: int | None = None,
    help: str = "",
    label: str = "",
    widget: str = "",
    check: Check | None = None,
) -> Any:
    """A field of a Config. ``default`` may be a list or dict; it is copied. ``...``: required."""
    rule = Rule(min, max, max_items, max_length, help, label, widget, check)
    metadata = {"rule": rule}
    if default is ...:
        return dataclasses.field(metadata=metadata, kw_only=True)
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Field:
    """One setting, as forms, schemas and documentation need it."""

    name: str
    type: Any
    rule: Rule
    default: Any
    is_required: bool

    @property
    def label(self) -> str:
        return self.rule.label or self.name.replace("_", " ").capitalize()

    @property
    def choices(self) -> tuple[str, ...]:
        return get_args(self.type) if get_origin(self.type) is Literal else ()


def fields_of(config: type[Any]) -> list[Field]:
    """The settings of a Config, in order."""
    hints = typing.get_type_hints(config)
    return [
        Field(
            name=field.name,
            type=hints[field.name],
            rule=field.metadata.get("rule", Rule()),
            default=_default(field),
            is_required=field.default is field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(config)
    ]


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def load(config: type[C], values: Mapping[str, Any]) -> C:
    """Build a Config from JSON. Raises BadRequest that names every wrong field."""
    known = {field.name: field for field in fields_of(config)}
    complaints: dict[str, list[str]] = {
        name: ["unknown setting"] for name in values if name not in known
    }
    cleaned: dict[str, Any] = {}
    for name, field in known.items():
        if name not in values or values[name] is None:
            if field.is_required:
                complaints[name] = ["this field is required"]
            continue
        complaint = _complaint(field.type, field.rule, values[name])
        if complaint:
            complaints[name] = [complaint]
        else:
            cleaned[name] = _built(field.type, values[name])
    if complaints:
        raise BadRequest("validation failed", fields=complaints)
    return config(**cleaned)


def _built(kind: Any, value: Any) -> Any:
    """A value that was found right, as the Config has it."""
    row = row_of(kind)
    if row is not None:
        return {key: load(row, values) for key, values in value.items()}
    return float(value) if kind is float else value


def row_of(kind: Any) -> type[Any] | None:
    """The Config of every entry, where a setting is a dict of Configs."""
    args = get_args(kind)
    is_table = get_origin(kind) is dict and dataclasses.is_dataclass(args[1])
    return args[1] if is_table else None


def dump(config: Any) -> dict[str, Any]:
    """The JSON of a Config; what :func:`load` reads."""
    return dataclasses.asdict(config)


def _complaint(kind: Any, rule: Rule, value: Any) -> str | None:
    return (
        _wrong_type(kind, value)
        or _wrong_size(rule, value)
        or (rule.check(value) if rule.check else None)
    )


def _wrong_type(kind: Any, value: Any) -> str | None:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return None if value in args else f"must be one of: {' '.join(map(str, args))}"
    if kind in _WORD:
        complaint = None if _is(kind, value) else f"must be {_WORD[kind]}"
        return complaint or (UNSTORABLE if kind is str and not is_storable(value) else None)
    if origin is list:
        if not isinstance(value, list):
            return "must be a list"
        return next((f"item {i + 1} {bad}" for i, item in enumerate(value)
                     if (bad := _wrong_type(args[0], item))), None)  # fmt: skip
    if origin is dict:
        return _wrong_rows(row_of(kind), value) if isinstance(value, dict) else "must be an object"
    return None


def _wrong_rows(row: type[Any] | None, value: Mapping[str, Any]) -> str | None:
    if row is None:
        return None
    for number, (key, values) in enumerate(value.items(), 1):
        if not is_storable(key):
            return f"item {number}: {UNSTORABLE}"
        if not isinstance(values, dict):
            return f"item {number} must be an object"
        try:
            load(row, values)
        except BadRequest as wrong:
            name, words = next(iter(wrong.fields.items()))
            return f"item {number}: {name} {words[0]}"
    return None


_WORD = {bool: "true or false", str: "text", int: "a whole number", float: "a number"}


def _is(kind: type[Any], value: Any) -> bool:
    """A float may be written without a point, if a float can hold it; a bool is no number."""
    if kind is float and type(value) is int:
        return abs(value) <= sys.float_info.max
    return type(value) is kind and (kind is not float or isfinite(value))


def _wrong_size(rule: Rule, value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if rule.min is not None and value < rule.min:
            return f"must be at least {rule.min}"
        if rule.max is not None and value > rule.max:
            return f"must be at most {rule.max}"
    most = rule.max_items
    if isinstance(value, list | dict) and most is not None and len(value) > most:
        return f"must have at most {most} items"
    texts: Sequence[Any] = value if isinstance(value, list) else [value]
    if rule.max_length is not None and any(
        isinstance(text, str) and len(text) > rule.max_length for text in texts
    ):
        return f"must be at most {rule.max_length} characters"
    return None


def schema_of(config: type[Any]) -> dict[str, Any]:
    """JSON Schema of a Config, for the OpenAPI document."""
    known = fields_of(config)
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.name: _property(field) for field in known},
    }
    required = [field.name for field in known if field.is_required]
    return {**schema, "required": required} if required else schema


def _property(field: Field) -> dict[str, Any]:
    shape = _shape(field.type)
    limits = {
        "minimum": field.rule.min,
        "maximum": field.rule.max,
        "maxItems": field.rule.max_items,
        "maxLength": field.rule.max_length if field.type is str else None,
    }
    described = {"description": field.rule.help or None, "default": field.default}
    return shape | {key: value for key, value in (limits | described).items() if value is not None}


def _shape(kind: Any) -> dict[str, Any]:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"type": "string", "enum": list(args)}
    if origin is list:
        return {"type": "array", "items": _shape(args[0])}
    if origin is dict:
        row = row_of(kind)
        return {"type": "object"} | ({"additionalProperties": schema_of(row)} if row else {})
    return {"type": {bool: "boolean", int: "integer", float: "number"}.get(kind, "string")}
