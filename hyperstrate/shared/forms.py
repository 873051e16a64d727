"""Forms of stage settings: a Config's fields for the page, and a posted form back as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_origin

import orjson

from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.settings import Field, dump, fields_of, load

Kind = Literal["text", "textarea", "number", "checkbox", "select", "lines", "json"]


@dataclass(frozen=True)
class FormField:
    """One setting as the macro ``ui.form_field`` shows it; ``value`` is what stands in it."""

    name: str
    label: str
    kind: Kind
    value: Any
    help: str
    is_required: bool
    choices: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    step: str = "any"
    max_length: int | None = None


def fields(
    config: type[Any],
    values: Mapping[str, Any] | None = None,
    *,
    posted: Mapping[str, str] | None = None,
) -> list[FormField]:
    """The form of a Config: with its JSON ``values``, or as it was ``posted`` and refused."""
    given = values or {}
    return [
        _form_field(field, given.get(field.name, field.default))
        if posted is None
        else _form_field(field, _typed(field, posted))
        for field in fields_of(config)
    ]


def read(config: type[Any], form: Mapping[str, str]) -> dict[str, Any]:
    """A posted form as the JSON of a Config. Raises BadRequest that names every wrong field."""
    values: dict[str, Any] = {}
    unreadable: dict[str, list[str]] = {}
    for field in fields_of(config):
        try:
            value = _value(field, form)
        except ValueError as error:
            unreadable[field.name] = [str(error)]
        else:
            values |= {} if value is None else {field.name: value}
    try:
        checked = dump(load(config, values))
    except BadRequest as error:
        raise BadRequest(error.message, fields=error.fields | unreadable) from None
    if unreadable:
        raise BadRequest("validation failed", fields=unreadable)
    return checked


def _form_field(field: Field, value: Any) -> FormField:
    kind, rule = _kind(field), field.rule
    return FormField(
        name=field.name,
        label=field.label,
        kind=kind,
        value=_shown(kind, value),
        help=rule.help,
        is_required=field.is_required,
        choices=tuple(map(str, field.choices)),
        min=rule.min,
        max=rule.max,
        step="1" if field.type is int else "any",
        max_length=None if kind == "lines" else rule.max_length,
    )


def _kind(field: Field) -> Kind:
    origin = get_origin(field.type) or field.type
    if origin is list:
        return "lines" if field.type == list[str] else "json"
    if origin is str and field.rule.widget == "textarea":
        return "textarea"
    return _KINDS.get(origin, "text")


def _typed(field: Field, form: Mapping[str, str]) -> Any:
    """What stood in the field when the form was sent; an unchecked box is not sent at all."""
    return field.name in form if _kind(field) == "checkbox" else form.get(field.name, "")


def _shown(kind: Kind, value: Any) -> Any:
    if kind == "checkbox":
        return bool(value)
    if isinstance(value, str):
        return value
    if value is None or value in ({}, []):
        return ""
    if kind == "lines":
        return "\n".join(value)
    if kind == "json":
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _value(field: Field, form: Mapping[str, str]) -> Any:
    """The JSON value of a field; None where it was left empty and the default is meant."""
    kind = _kind(field)
    if kind == "checkbox":
        return field.name in form
    text = form.get(field.name, "").replace("\r\n", "\n")
    if kind == "lines":
        return [line.strip() for line in text.split("\n") if line.strip()]
    if kind in ("text", "textarea"):
        return None if field.is_required and not text.strip() else text
    if not text.strip():
        return None
    return _READ[kind](field, text.strip())


def _read_number(field: Field, text: str) -> int | float:
    try:
        value = int(text) if field.type is int else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"must be a {'whole number' if field.type is int else 'number'}")
    return value


def _read_choice(field: Field, text: str) -> Any:
    return next((choice for choice in field.choices if str(choice) == text), text)


def _read_json(field: Field, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from None


_KINDS: dict[Any, Kind] = {
    Literal: "select",
    bool: "checkbox",
    int: "number",
    float: "number",
    dict: "json",
}
_READ: dict[Kind, Callable[[Field, str], Any]] = {
    "number": _read_number,
    "select": _read_choice,
    "json": _read_json,
}
