"""The tables of a run: medians over its rounds, and every gateway in units of ours."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

OURS = "Hyperstrate"


@dataclass
class Figures:
    """What was measured of one gateway, one number a round."""

    cold_start_s: list[float] = field(default_factory=list)
    idle_mb: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    chunk_cpu_us: list[float] = field(default_factory=list)
    stream_cpu_us: list[float] = field(default_factory=list)
    chunk_p50_ms: list[float] = field(default_factory=list)
    chunk_p99_ms: list[float] = field(default_factory=list)
    first_chunk_p99_ms: list[float] = field(default_factory=list)
    errors: int = 0


@dataclass(frozen=True)
class Column:
    """``name`` is the figure's; ``is_added``: what the mock takes by itself is subtracted."""

    title: str
    name: str
    form: str
    is_added: bool = False


CALLS = (
    Column("CPU µs/request", "cpu_us", ",.0f"),
    Column("requests/s", "per_second", ",.0f"),
    Column("added p50 ms, 1 caller", "p50_ms", ".2f", is_added=True),
    Column("added p99 ms", "p99_ms", ".1f", is_added=True),
    Column("idle MB", "idle_mb", ",.0f"),
    Column("cold start s", "cold_start_s", ".2f"),
)
STREAMS = (
    Column("CPU µs/chunk", "chunk_cpu_us", ",.0f"),
    Column("CPU µs/stream besides", "stream_cpu_us", ",.0f"),
    Column("added p50 ms/chunk", "chunk_p50_ms", ".2f", is_added=True),
    Column("added p99 ms/chunk", "chunk_p99_ms", ".1f", is_added=True),
    Column("added p99 ms to the first chunk", "first_chunk_p99_ms", ".1f", is_added=True),
)


def tables(found: Mapping[str, Figures], floor: Figures, load_average: Sequence[float]) -> str:
    """Everything, as Markdown."""
    parts = [_table("Requests", CALLS, found, floor)]
    if floor.chunk_cpu_us:
        parts.append(_table("Streams", STREAMS, found, floor))
    if OURS in found:
        parts.append(_ratios(found))
    busy = " ".join(f"{value:.1f}" for value in load_average)
    return "\n\n".join([*parts, f"Load average of the machine at the end: {busy}."])


def _table(
    title: str, columns: Sequence[Column], found: Mapping[str, Figures], floor: Figures
) -> str:
    lines = ["| " + " | ".join([title, *(column.title for column in columns), "errors"]) + " |"]
    lines.append("| --- " * (len(columns) + 2) + "|")
    for name, figures in found.items():
        cells = [_cell(column, figures, floor) for column in columns]
        lines.append("| " + " | ".join([name, *cells, str(figures.errors)]) + " |")
    return "\n".join(lines)


def _cell(column: Column, figures: Figures, floor: Figures) -> str:
    values = getattr(figures, column.name)
    if not values:
        return "-"
    taken = statistics.median(getattr(floor, column.name)) if column.is_added else 0.0
    return format(statistics.median(values) - taken, column.form)


def _ratios(found: Mapping[str, Figures]) -> str:
    def against_ours(name: str) -> str:
        ours = statistics.median(getattr(found[OURS], name))
        others = {
            peer: statistics.median(getattr(figures, name)) / ours
            for peer, figures in found.items()
            if peer != OURS and getattr(figures, name)
        }
        return ", ".join(f"{peer} {ratio:.2f}" for peer, ratio in others.items())

    lines = [f"CPU per request, ours = 1: {against_ours('cpu_us')}"]
    if found[OURS].chunk_cpu_us:
        lines.append(f"CPU per chunk, ours = 1: {against_ours('chunk_cpu_us')}")
    return "\n".join(lines)
