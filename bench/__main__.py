"""Run every gateway in turn, several rounds, and print the table: ``python -m bench``."""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from bench import load
from bench.peers import PEERS, Running
from bench.processes import cpu_seconds, free_port, memory_mb, running, wait_for

GATEWAY_CORE, LOAD_CORE = 0, 1
Peer = Callable[[int, Path, int], AbstractContextManager[Running]]


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
    chunk_p99_ms: list[float] = field(default_factory=list)
    first_chunk_p99_ms: list[float] = field(default_factory=list)
    errors: int = 0


@dataclass(frozen=True)
class Plan:
    """How long and how much."""

    rounds: int
    seconds: float
    callers: int
    streams: int
    interval: float
    chunks: int


def measure(peer: Peer, mock: int, folder: Path, plan: Plan, figures: Figures) -> None:
    """One round of one gateway."""
    started = time.perf_counter()
    with peer(mock, folder, GATEWAY_CORE) as gateway:
        spawned = time.perf_counter()
        wait_for(gateway.port)
        _until_answered(gateway)
        figures.cold_start_s.append(time.perf_counter() - spawned)
        asyncio.run(load.calls(gateway.json_door, callers=4, seconds=1.0))
        figures.idle_mb.append(memory_mb(gateway.pid))
        single = asyncio.run(load.calls(gateway.json_door, callers=1, seconds=plan.seconds))
        figures.p50_ms.append(load.percentile(single.took, 0.5) * 1000)
        _measure_calls(gateway, plan, figures)
        if plan.streams:
            _measure_streams(gateway, plan, figures)
    assert started < spawned


def _until_answered(gateway: Running) -> None:
    """A listening port does not answer yet: call until it does."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            outcome = asyncio.run(load.calls(gateway.json_door, callers=1, seconds=0.0001))
            if outcome.took and not outcome.errors:
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise TimeoutError("the gateway does not answer")


def _measure_calls(gateway: Running, plan: Plan, figures: Figures) -> None:
    before = cpu_seconds(gateway.pid)
    outcome = asyncio.run(load.calls(gateway.json_door, callers=plan.callers, seconds=plan.seconds))
    count = max(1, len(outcome.took))
    figures.cpu_us.append((cpu_seconds(gateway.pid) - before) / count * 1e6)
    figures.per_second.append(count / outcome.elapsed)
    figures.p99_ms.append(load.percentile(outcome.took, 0.99) * 1000)
    figures.errors += outcome.errors


def _measure_streams(gateway: Running, plan: Plan, figures: Figures) -> None:
    before = cpu_seconds(gateway.pid)
    outcome = asyncio.run(
        load.streams(gateway.stream_door, count=plan.streams, over_seconds=plan.interval * 10)
    )
    count = max(1, len(outcome.delays_ms))
    figures.chunk_cpu_us.append((cpu_seconds(gateway.pid) - before) / count * 1e6)
    figures.chunk_p99_ms.append(load.percentile(outcome.delays_ms, 0.99))
    figures.first_chunk_p99_ms.append(load.percentile(outcome.first_chunk_ms, 0.99))
    figures.errors += outcome.errors


def table(found: dict[str, Figures], direct: Figures) -> str:
    """The medians, as a Markdown table; added times are against the mock itself."""
    head = (
        "| | CPU us/request | req/s | added p50 ms, 1 caller | p99 ms | CPU us/chunk | "
        "chunk p99 ms | MB | cold start s | errors |\n|---|---|---|---|---|---|---|---|---|---|\n"
    )
    floor = statistics.median(direct.p50_ms)
    rows = [_row(name, figures, floor) for name, figures in found.items()]
    return head + "\n".join(rows)


def _row(name: str, figures: Figures, floor: float) -> str:
    def median(values: list[float], form: str) -> str:
        return format(statistics.median(values), form) if values else "-"

    added = [value - floor for value in figures.p50_ms]
    cells = [
        name,
        median(figures.cpu_us, ",.0f"),
        median(figures.per_second, ",.0f"),
        median(added, ".2f"),
        median(figures.p99_ms, ".1f"),
        median(figures.chunk_cpu_us, ",.0f"),
        median(figures.chunk_p99_ms, ".1f"),
        median(figures.idle_mb, ",.0f"),
        median(figures.cold_start_s, ".2f"),
        str(figures.errors),
    ]
    return "| " + " | ".join(cells) + " |"


def ratios(found: dict[str, Figures]) -> str:
    """CPU per request of every peer, in units of ours."""
    ours = statistics.median(found["Hyperstrate"].cpu_us)
    words = [
        f"{name} {statistics.median(figures.cpu_us) / ours:.2f}x" for name, figures in found.items()
    ]
    return "CPU per request against Hyperstrate: " + ", ".join(words)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--interval", type=float, default=0.2, help="seconds between two chunks")
    parser.add_argument("--chunks", type=int, default=30)
    parser.add_argument("--only", nargs="*", default=list(PEERS), choices=list(PEERS))
    return parser.parse_args()


def main() -> None:
    """Interleave the gateways, so that a slow moment of the machine hits all alike."""
    options = _options()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.sched_setaffinity(0, {LOAD_CORE})
    names = ("rounds", "seconds", "callers", "streams", "interval", "chunks")
    plan = Plan(**{name: getattr(options, name) for name in names})
    found = {name: Figures() for name in options.only}
    direct = Figures()
    mock = free_port()
    command = [sys.executable, "-m", "bench.mock", "--port", str(mock)]
    command += ["--chunks", str(plan.chunks), "--interval", str(plan.interval)]
    with tempfile.TemporaryDirectory() as name, running(command, core=LOAD_CORE):
        wait_for(mock)
        for _round in range(plan.rounds):
            _measure_direct(mock, direct)
            for peer in list(found):
                _measure_peer(peer, mock, Path(name), plan, found)
    print(table(found, direct))
    if "Hyperstrate" in found:
        print("\n" + ratios(found))


def _measure_direct(mock: int, direct: Figures) -> None:
    from bench.peers import body

    door = load.Door(f"http://127.0.0.1:{mock}/v1/chat/completions", {}, body(stream=False))
    outcome = asyncio.run(load.calls(door, callers=1, seconds=1.0))
    direct.p50_ms.append(load.percentile(outcome.took, 0.5) * 1000)


def _measure_peer(
    name: str, mock: int, folder: Path, plan: Plan, found: dict[str, Figures]
) -> None:
    own = folder / name
    own.mkdir(exist_ok=True)
    try:
        measure(PEERS[name], mock, own, plan, found[name])
    except FileNotFoundError as missing:
        print(f"{name} is left out: {missing} is not on this machine", file=sys.stderr)
        del found[name]


if __name__ == "__main__":
    main()
