"""Forms of stage settings: a Config's fields for the page, and a posted form back as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_origin

import orjson

from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.settings import Field, dump, fields_of, load, row_of

Kind = Literal["text", "textarea", "number", "checkbox", "select", "lines", "json", "table"]
#: What may be chosen where a setting names a widget: (id, name) of each.
Choices = Mapping[str, Sequence[tuple[str, str]]]
KEY = "key"
Cells = dict[str, str]


@dataclass(frozen=True)
class FormField:
    """One setting as the macro ``ui.form_field`` shows it; ``value`` is what stands in it.

    ``rows`` of a table: each begins with its key; the last one is empty.
    """

    name: str
    label: str
    kind: Kind
    value: Any
    help: str
    is_required: bool
    choices: tuple[str | tuple[str, str], ...] = ()
    min: float | None = None
    max: float | None = None
    step: str = "any"
    max_length: int | None = None
    rows: tuple[tuple[FormField, ...], ...] = ()


def fields(
    config: type[Any],
    values: Mapping[str, Any] | None = None,
    *,
    posted: Mapping[str, str] | None = None,
    choices: Choices | None = None,
) -> list[FormField]:
    """The form of a Config: with its JSON ``values``, or as it was ``posted`` and refused."""
    given = values or {}
    return [
        _form_field(
            field,
            given.get(field.name, field.default) if posted is None else _typed(field, posted),
            choices or {},
        )
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


def _form_field(field: Field, value: Any, choices: Choices) -> FormField:
    kind, rule = _kind(field), field.rule
    found = FormField(
        name=field.name,
        label=field.label,
        kind=kind,
        value=_shown(kind, value),
        help=rule.help,
        is_required=field.is_required or kind in ("number", "select"),
        choices=tuple(map(str, field.choices)),
        min=rule.min,
        max=rule.max,
        step="1" if field.type is int else "any",
        max_length=None if kind == "lines" else rule.max_length,
    )
    if kind == "table":
        return replace(found, rows=tuple(_rows(field, value, choices)))
    return _chosen(found, rule.widget, choices)


def _chosen(field: FormField, widget: str, choices: Choices) -> FormField:
    """A text that is the id of something is chosen by name, if it is known what there is."""
    if widget not in choices:
        return field
    return replace(field, kind="select", choices=(("", "–"), *choices[widget]), max_length=None)


def _rows(
    field: Field, value: Mapping[str, Any] | Sequence[Cells], choices: Choices
) -> Iterable[tuple[FormField, ...]]:
    """The rows of a table and an empty one, from its JSON or as they were typed."""
    widget = field.rule.widget
    if isinstance(value, Mapping):
        there = dict(choices[widget]) if widget in choices else value  # the others are gone
        value = [{KEY: key, **cells} for key, cells in value.items() if key in there]
    columns = fields_of(row_of(field.type) or object)
    for number, cells in enumerate([*value, {}]):
        name = f"{field.name}.{number}."
        key = FormField(f"{name}{KEY}", widget.capitalize(), "text", cells.get(KEY, ""), "", False)
        shown = [_form_field(it, cells.get(it.name, it.default), choices) for it in columns]
        yield (
            _chosen(key, widget, choices),
            *(replace(it, name=f"{name}{it.name}", is_required=False) for it in shown),
        )


def _kind(field: Field) -> Kind:
    origin = get_origin(field.type) or field.type
    if origin is list:
        return "lines" if field.type == list[str] else "json"
    if row_of(field.type):
        return "table"
    if origin is str and field.rule.widget == "textarea":
        return "textarea"
    return _KINDS.get(origin, "text")


def _typed(field: Field, form: Mapping[str, str]) -> Any:
    """What stood in the field when the form was sent; an unchecked box is not sent at all."""
    kind = _kind(field)
    if kind == "table":
        return _cells(field, form)
    return field.name in form if kind == "checkbox" else form.get(field.name, "")


def _cells(field: Field, form: Mapping[str, str]) -> list[Cells]:
    """The rows of a posted table, as they were typed."""
    found: dict[str, Cells] = {}
    for name, text in form.items():
        table, _, place = name.partition(".")
        number, _, column = place.partition(".")
        if table == field.name and column:
            found.setdefault(number, {})[column] = text
    return list(found.values())


def _shown(kind: Kind, value: Any) -> Any:
    if kind == "checkbox":
        return bool(value)
    if isinstance(value, str):
        return value
    if value is None or value in ({}, []) or kind == "table":
        return ""
    if kind == "lines":
        return "\n".join(value)
    if kind == "json":
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return str(value).removesuffix(".0")


def _value(field: Field, form: Mapping[str, str]) -> Any:
    """The JSON value of a field; None where it was left empty and the default is meant."""
    kind = _kind(field)
    if kind == "checkbox":
        return field.name in form
    if kind == "table":
        return _read_table(field, form)
    text = form.get(field.name, "").replace("\r\n", "\n")
    if kind == "lines":
        return [line.strip() for line in text.split("\n") if line.strip()]
    if kind in ("text", "textarea"):
        return None if field.is_required and not text.strip() else text
    if not text.strip():
        return None
    return _READ[kind](field, text.strip())


def _read_table(field: Field, form: Mapping[str, str]) -> dict[str, Any]:
    """Rows in which nothing is chosen or typed are left out."""
    found: dict[str, Any] = {}
    columns = fields_of(row_of(field.type) or object)
    for number, cells in enumerate(_cells(field, form), 1):
        key = cells.get(KEY, "").strip()
        if not key and not any(cells.get(it.name) for it in columns if it.is_required):
            continue
        if not key or key in found:
            which = "the same" if key else "no"
            raise ValueError(f"item {number} names {which} {field.rule.widget}")
        values = {it.name: _value(it, cells) for it in columns}
        found[key] = {name: value for name, value in values.items() if value is not None}
    return found


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
