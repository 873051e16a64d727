"""What pages and the API read of the logs."""

from __future__ import annotations

from hyperstrate.observability.queries.export import csv_lines
from hyperstrate.observability.queries.figures import (
    CacheUsage,
    Granularity,
    ModelLatency,
    ModelUsage,
    Overview,
    RouterUsage,
    Totals,
    UsageBucket,
    by_model,
    by_router,
    cache,
    latency,
    overview,
    usage,
)
from hyperstrate.observability.queries.listing import (
    Cursor,
    Filters,
    LogPage,
    Neighbours,
    costs,
    count_up_to,
    log,
    logs,
    neighbours,
    payload,
)

__all__ = [
    "CacheUsage",
    "Cursor",
    "Filters",
    "Granularity",
    "LogPage",
    "ModelLatency",
    "ModelUsage",
    "Neighbours",
    "Overview",
    "RouterUsage",
    "Totals",
    "UsageBucket",
    "by_model",
    "by_router",
    "cache",
    "costs",
    "count_up_to",
    "csv_lines",
    "latency",
    "log",
    "logs",
    "neighbours",
    "overview",
    "payload",
    "usage",
]
