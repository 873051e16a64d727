"""The address of the log page: read into filters, and written for links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import EXCLUDE, ValidationError, fields, validate

from hyperstrate.observability.queries import Filters
from hyperstrate.observability.schemas import FilterArgs
from hyperstrate.shared.db import now

RANGES = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
CUSTOM = "custom"
LABELS = {
    "range": "Time",
    "from": "From",
    "to": "To",
    "routerId": "Router",
    "modelId": "Model",
    "apiKeyId": "Key",
    "status": "Status",
    "source": "Source",
    "cacheHit": "Cache",
    "minCostUsd": "Min. cost",
    "minLatencyMs": "Min. latency",
    "text": "Error text",
}


class AddressArgs(FilterArgs):
    """Which logs: what the API's export takes, and a range of time that moves along."""

    range = fields.String(
        load_default="", validate=validate.OneOf((*RANGES, CUSTOM), error="is not a choice")
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """An address, read. ``args`` are its filters for links; ``errors`` by the field's label."""

    filters: Filters
    args: dict[str, Any]
    errors: dict[str, list[str]]


def read(query: Mapping[str, str]) -> Asked:
    """The filters of an address; with ``errors`` nothing is filtered."""
    schema = AddressArgs(unknown=EXCLUDE)
    names = [field.data_key or name for name, field in schema.load_fields.items()]
    args = {name: text for name in names if (text := query.get(name, "").strip())}
    if args.get("range") in RANGES:
        args = {name: text for name, text in args.items() if name not in ("from", "to")}
    try:
        found = _filters(dict(schema.load(args)))
        return Asked(found, _in_minutes(args, found), {})
    except ValidationError as error:
        said = error.messages_dict
        return Asked(Filters(), args, {LABELS.get(name, name): said[name] for name in said})


def _filters(values: dict[str, Any]) -> Filters:
    """Raises ValidationError."""
    since, until = (
        moment("from", values.pop("from_")),
        moment("to", values.pop("to"), is_end=True),
    )
    span = RANGES.get(values.pop("range"))
    if span is not None:
        since, until = now() - span, None
    return Filters(since=since, until=until, is_cache_hit=values.pop("cache_hit"), **values)


def _in_minutes(args: dict[str, Any], found: Filters) -> dict[str, Any]:
    """A day is shown as the minute that it begins or ends with: so the form's fields want it."""
    ends = (("from", found.since), ("to", found.until))
    return args | {name: f"{at:%Y-%m-%dT%H:%M}" for name, at in ends if at and name in args}


def moment(name: str, text: str, *, is_end: bool = False) -> datetime | None:
    """A day or a minute of UTC; the end of a day where it ends a range. Raises ValidationError."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        found = None
    if found is None or not 1970 <= found.year <= 9998:
        raise ValidationError({name: ["must be a time such as 2026-11-22T14:00"]})
    return found + timedelta(days=1) if is_end and len(text) == len("2026-11-22") else found
