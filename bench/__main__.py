"""Run every gateway in turn, several rounds, and print the tables: ``python -m bench``."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench import load, report
from bench.peers import PEERS, Running, direct
from bench.processes import cpu_seconds, free_port, memory_mb, running, settle, wait_for
from bench.report import Figures

GATEWAY_CORE, LOAD_CORE = 0, 1
START_S = 90.0
Peer = Callable[[int, Path, int], AbstractContextManager[Running]]


def measure(peer: Peer, mock: int, folder: Path, plan: argparse.Namespace, into: Figures) -> None:
    """One round of one gateway: its start, one caller, many callers, streams."""
    folder.mkdir(exist_ok=True)
    with peer(mock, folder, GATEWAY_CORE) as gateway:
        spawned = time.perf_counter()
        _until_answered(gateway)
        into.cold_start_s.append(time.perf_counter() - spawned)
        asyncio.run(load.calls(gateway.json_door, callers=plan.callers, seconds=plan.warm_seconds))
        settle(gateway.pid)
        into.idle_mb.append(memory_mb(gateway.pid))
        _measure_calls(gateway, plan, into)
        if plan.streams:
            _measure_streams(gateway, plan, into)


def _until_answered(gateway: Running) -> None:
    """A port that listens does not answer yet: call until it does."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            if not asyncio.run(load.calls(gateway.json_door, callers=1, seconds=0)).errors:
                return
        except OSError:
            pass
        time.sleep(0.01)
    raise TimeoutError("the gateway does not answer")


def _measure_calls(gateway: Running, plan: argparse.Namespace, into: Figures) -> None:
    """What a gateway puts off, such as writing its log, is waited for and counted."""
    single = asyncio.run(load.calls(gateway.json_door, callers=1, seconds=plan.seconds))
    settle(gateway.pid)
    before = cpu_seconds(gateway.pid)
    many = asyncio.run(load.calls(gateway.json_door, callers=plan.callers, seconds=plan.seconds))
    settle(gateway.pid)
    count = max(1, len(many.took))
    into.cpu_us.append((cpu_seconds(gateway.pid) - before) / count * 1e6)
    into.per_second.append(count / many.elapsed)
    into.p50_ms.append(load.percentile(single.took, 0.5) * 1000)
    into.p99_ms.append(load.percentile(many.took, 0.99) * 1000)
    into.errors += single.errors + many.errors


def _measure_streams(gateway: Running, plan: argparse.Namespace, into: Figures) -> None:
    last_seconds = plan.interval * plan.chunks
    before = cpu_seconds(gateway.pid)
    outcome = asyncio.run(
        load.streams(
            gateway.stream_door,
            count=plan.streams,
            over_seconds=last_seconds / 3,
            last_seconds=last_seconds,
            spent=lambda: cpu_seconds(gateway.pid),
        )
    )
    settle(gateway.pid)
    (early, few), (late, many) = outcome.in_flow
    in_flow = outcome.delays_ms[few:many]
    chunk_s = (late - early) / max(1, len(in_flow))
    all_s = cpu_seconds(gateway.pid) - before
    into.chunk_cpu_us.append(chunk_s * 1e6)
    into.stream_cpu_us.append((all_s - chunk_s * len(outcome.delays_ms)) / plan.streams * 1e6)
    into.chunk_p50_ms.append(load.percentile(in_flow, 0.5))
    into.chunk_p99_ms.append(load.percentile(in_flow, 0.99))
    into.first_chunk_p99_ms.append(load.percentile(outcome.first_chunk_ms, 0.99))
    into.errors += outcome.errors


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each of the two loads")
    parser.add_argument("--warm-seconds", type=float, default=4.0, help="before what counts")
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--streams", type=int, default=200, help="held at once; 0 leaves them out")
    parser.add_argument("--interval", type=float, default=0.2, help="seconds between two chunks")
    parser.add_argument("--chunks", type=int, default=30, help="of each stream")
    parser.add_argument("--only", nargs="+", default=list(PEERS), choices=list(PEERS))
    return parser.parse_args()


def main() -> None:
    """Interleave the gateways, so that a slow moment of the machine hits all alike."""
    plan = _options()
    gc.disable()  # its pauses would count as the gateway's
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.sched_setaffinity(0, {LOAD_CORE})
    found = {name: Figures() for name in plan.only}
    floor = Figures()
    mock = free_port()
    command = [sys.executable, "-m", "bench.mock", "--port", str(mock)]
    command += ["--chunks", str(plan.chunks), "--interval", str(plan.interval)]
    with tempfile.TemporaryDirectory() as name, running(command, core=LOAD_CORE) as mock_pid:
        wait_for(mock)
        for _round in range(plan.rounds):
            measure_floor(direct(mock_pid, mock), plan, floor)
            for peer in list(found):
                _measure_peer(peer, mock, Path(name), plan, found)
    print(report.tables(found, floor, os.getloadavg()))


def measure_floor(mock: Running, plan: argparse.Namespace, into: Figures) -> None:
    """What the mock and the load take by themselves; added times are above this."""
    _measure_calls(mock, plan, into)
    if plan.streams:
        _measure_streams(mock, plan, into)


def _measure_peer(
    name: str, mock: int, folder: Path, plan: argparse.Namespace, found: dict[str, Figures]
) -> None:
    try:
        measure(PEERS[name], mock, folder / name, plan, found[name])
    except FileNotFoundError as missing:
        print(f"{name} is left out: {missing} is not on this machine", file=sys.stderr)
        del found[name]


if __name__ == "__main__":
    main()
