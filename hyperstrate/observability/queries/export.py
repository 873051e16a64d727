"""The filtered set as CSV, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperstrate.observability.models import InferenceLog
from hyperstrate.observability.queries.listing import EVERYTHING, Cursor, Filters, logs
from hyperstrate.shared.sheets import csv_text, harmless

BATCH = 1000
COLUMNS = {
    "id": "id",
    "createdAt": "created_at",
    "orgId": "org_id",
    "routerId": "router_id",
    "virtualKeyId": "virtual_key_id",
    "modelId": "model_id",
    "modelDefKey": "model_def_key",
    "provider": "provider",
    "status": "status",
    "source": "source",
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "totalTokens": "total_tokens",
    "costUsd": "cost_usd",
    "latencyMs": "latency_ms",
    "cacheHit": "cache_hit",
    "cacheHitType": "cache_hit_type",
    "abVariant": "ab_variant",
    "feedback": "feedback",
    "errorMessage": "error_message",
    "apiKeyId": "api_key_id",
    "teamId": "team_id",
    "httpStatus": "http_status",
    "errorCode": "error_code",
    "ttftMs": "ttft_ms",
    "priceVersion": "price_version",
}


def csv_lines(org_id: str, *, filters: Filters = EVERYTHING) -> Iterator[str]:
    """The header, then all logs of the filter, newest first; some lines at a time."""
    yield csv_text([list(COLUMNS)])
    before: Cursor | None = None
    while True:
        page = logs(org_id, filters=filters, before=before, limit=BATCH)
        yield csv_text([_row(log) for log in page.items])
        if not page.older:
            return
        before = Cursor.of(page.items[-1])


def _row(log: InferenceLog) -> list[Any]:
    return [_cell(name, getattr(log, name)) for name in COLUMNS.values()]


def _cell(name: str, value: Any) -> Any:
    if name == "created_at":
        return value.isoformat()
    if name == "cost_usd":
        return f"{value:.10f}"
    if isinstance(value, bool):
        return str(value).lower()
    return harmless(value) if isinstance(value, str) else value
