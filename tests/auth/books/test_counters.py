"""What is used of a budget now, in memory and in Redis: never more than fits, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from math import inf
from typing import Any

import pytest
from redis import ConnectionError as RedisConnectionError
from redis import Redis

from hyperstrate.auth.books.counters import Charge, Counters, MemoryCounters, Sums, Used
from hyperstrate.auth.books.counters_redis import RedisCounters
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.redis_link import RedisLink

Pair = tuple[Counters, Counters]


class Ledger:
    """A ledger of one number for each window, and the calls it knows."""

    def __init__(self) -> None:
        self.sums: dict[str, int] = {}
        self.number = 0
        self.calls: set[str] = set()

    def load(self, names: Collection[str]) -> Sums:
        return Sums(self.number, {name: self.sums.get(name, 0) for name in names})

    def recorded(self, call_ids: Collection[str]) -> set[str]:
        return self.calls & set(call_ids)

    def enter(self, call_id: str, window: str, amount: int) -> None:
        self.number += 1
        self.calls.add(call_id)
        self.sums[window] = self.sums.get(window, 0) + amount


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def prefix() -> str:
    return new_id("test")


@pytest.fixture
def make_shared(ledger: Ledger, prefix: str, redis_url: str) -> Callable[[], RedisCounters]:
    """The counters of one of several processes."""

    def make() -> RedisCounters:
        link = RedisLink(redis_url, prefix, processes=2)
        own = MemoryCounters(ledger.load, ledger.recorded, share=2)
        counters = RedisCounters(link, own, ledger.load)
        counters.tend()
        return counters

    return make


@pytest.fixture(params=["memory", "redis"])
def counters(request: pytest.FixtureRequest, ledger: Ledger) -> Counters:
    if request.param == "memory":
        return MemoryCounters(ledger.load, ledger.recorded)
    make: Callable[[], RedisCounters] = request.getfixturevalue("make_shared")
    return make()


def charge(amount: int, limit: int | None = 100, window: str = "org:b:0") -> Charge:
    return Charge(window, amount, limit)


def used(counters: Counters, window: str = "org:b:0") -> Used:
    return counters.used([window])[window]


def test_a_call_takes_what_it_reserved_until_it_is_settled(counters: Counters) -> None:
    assert counters.reserve("call", [charge(60)]) is None
    held = used(counters)
    counters.settle("call", {"org:b:0": 7})

    assert held == Used(0, 60)
    assert used(counters) == Used(0, 7)


def test_what_does_not_fit_is_refused_and_takes_nothing(counters: Counters) -> None:
    counters.reserve("one", [charge(60)])

    refusal = counters.reserve("two", [charge(10, 1000, "org:wide:0"), charge(41)])

    assert refusal == ("org:b:0", 60)
    assert used(counters, "org:wide:0") == Used(0, 0)
    assert counters.reserve("three", [charge(40)]) is None


def test_a_soft_budget_counts_and_never_refuses(counters: Counters) -> None:
    assert counters.reserve("one", [charge(1000, None)]) is None
    assert used(counters) == Used(0, 1000)


def test_what_the_ledger_has_already_counts(counters: Counters, ledger: Ledger) -> None:
    ledger.enter("earlier", "org:b:0", 95)

    assert counters.reserve("call", [charge(6)]) == ("org:b:0", 95)
    assert counters.reserve("call", [charge(5)]) is None


def test_money_is_exact_far_beyond_what_floats_are(counters: Counters) -> None:
    million = 10**6 * 10**10
    counters.reserve("call", [charge(million // 2, million)])
    counters.settle("call", {"org:b:0": 123_456_789_012_345})

    assert used(counters) == Used(0, 123_456_789_012_345)


def test_in_memory_what_is_recorded_moves_from_open_to_settled(ledger: Ledger) -> None:
    counters = MemoryCounters(ledger.load, ledger.recorded)
    counters.reserve("call", [charge(60)])
    counters.settle("call", {"org:b:0": 7})
    ledger.enter("call", "org:b:0", 7)

    counters.tend()

    assert used(counters) == Used(7, 0)
    assert counters.calls == {}


def test_in_redis_what_is_recorded_moves_from_open_to_settled(
    make_shared: Callable[[], RedisCounters], ledger: Ledger
) -> None:
    gateway, recorder = make_shared(), make_shared()
    gateway.reserve("call", [charge(60)])
    gateway.settle("call", {"org:b:0": 7})
    ledger.enter("call", "org:b:0", 7)

    recorder.take_over(ledger.load(["org:b:0"]), ["call"])

    assert used(gateway) == Used(7, 0)


def test_a_whole_batch_is_taken_over(
    make_shared: Callable[[], RedisCounters], ledger: Ledger
) -> None:
    gateway, recorder = make_shared(), make_shared()
    calls = [f"call-{number}" for number in range(250)]
    for call in calls:
        gateway.reserve(call, [charge(3, 1000)])
        ledger.enter(call, "org:b:0", 2)

    recorder.take_over(ledger.load(["org:b:0"]), calls)

    assert used(gateway) == Used(500, 0)
    assert gateway.stale(-1) == {}


def test_what_is_settled_while_redis_is_left_alone_is_told_later(
    make_shared: Callable[[], RedisCounters],
) -> None:
    counters = make_shared()
    counters.reserve("call", [charge(60)])
    counters._link._skip_until = inf
    counters.settle("call", {"org:b:0": 7})
    counters._link._skip_until = 0.0
    before = used(counters)

    counters.tend()

    assert (before, used(counters)) == (Used(0, 60), Used(0, 7))


class Deaf:
    """A connection over which commands go, and no answer comes back."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def read_response(self, **_how: Any) -> None:
        self._real.read_response()
        self._real.disconnect()
        raise RedisConnectionError("no answer")


def test_what_is_refused_because_an_answer_was_lost_holds_nothing(
    make_shared: Callable[[], RedisCounters],
) -> None:
    counters = make_shared()
    counters.reserve("first", [charge(1)])
    line = counters._link.line
    hearing, line._connection = line._connection, Deaf(line._connection)
    refusal = counters.reserve("call", [charge(60)])  # its share is 50
    line._connection = hearing
    before = used(counters)

    counters.tend()

    assert refusal is not None
    assert (before, used(counters)) == (Used(0, 61), Used(0, 1))


def test_without_redis_a_process_takes_its_share_of_what_was_left_when_it_last_heard(
    make_shared: Callable[[], RedisCounters],
) -> None:
    one, two = make_shared(), make_shared()
    two.reserve("most", [charge(80)])
    one.reserve("first", [charge(10)])
    one.tend()
    one._link._skip_until = inf

    assert one.reserve("too much", [charge(6)]) == ("org:b:0", 90)
    assert one.reserve("its share", [charge(5)]) is None
    assert one.reserve("no more", [charge(1)]) == ("org:b:0", 95)


def test_without_redis_what_was_recorded_since_gives_no_room_back(
    make_shared: Callable[[], RedisCounters], ledger: Ledger
) -> None:
    one, two = make_shared(), make_shared()
    two.reserve("others", [charge(30)])
    one.reserve("mine", [charge(50)])
    one.settle("mine", {"org:b:0": 50})
    ledger.enter("mine", "org:b:0", 50)
    one._link._skip_until, one._link.is_degraded = inf, True

    one.tend()

    assert one.reserve("too much", [charge(11)]) is not None
    assert one.reserve("its share", [charge(10)]) is None


def test_without_redis_a_process_that_heard_of_the_end_refuses(
    make_shared: Callable[[], RedisCounters],
) -> None:
    one, two = make_shared(), make_shared()
    two.reserve("all", [charge(100)])
    refused = one.reserve("call", [charge(1)])
    one.tend()
    one._link._skip_until = inf

    assert refused == ("org:b:0", 100)
    assert one.reserve("call", [charge(1)]) is not None


def test_who_settles_after_it_was_recorded_changes_nothing(
    make_shared: Callable[[], RedisCounters], ledger: Ledger
) -> None:
    gateway, recorder = make_shared(), make_shared()
    gateway.reserve("call", [charge(60)])
    ledger.enter("call", "org:b:0", 7)
    recorder.take_over(ledger.load(["org:b:0"]), ["call"])

    gateway.settle("call", {"org:b:0": 7})

    assert used(gateway) == Used(7, 0)


def test_an_older_sum_does_not_replace_a_newer_one(
    make_shared: Callable[[], RedisCounters], ledger: Ledger
) -> None:
    counters = make_shared()
    older = Sums(1, {"org:b:0": 5})
    counters.take_over(Sums(2, {"org:b:0": 9}), ())

    counters.take_over(older, ())

    assert used(counters) == Used(9, 0)


def test_two_processes_together_take_no_more_than_there_is_complaint_11(
    make_shared: Callable[[], RedisCounters],
) -> None:
    processes = [make_shared(), make_shared()]
    admitted: list[str] = []

    def hammer(process: RedisCounters, name: str) -> None:
        calls = [f"{name}-{number}" for number in range(50)]
        admitted.extend(call for call in calls if process.reserve(call, [charge(3)]) is None)

    threads = [
        threading.Thread(target=hammer, args=(process, f"{index}-{turn}"))
        for index, process in enumerate(processes)
        for turn in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(admitted) == 33
    assert used(processes[0]) == Used(0, 99)


def test_after_redis_lost_its_memory_every_process_tells_again_what_it_has_open(
    make_shared: Callable[[], RedisCounters], ledger: Ledger, redis_url: str, prefix: str
) -> None:
    one, two = make_shared(), make_shared()
    one.reserve("open", [charge(40)])
    two.reserve("settled", [charge(40)])
    two.settle("settled", {"org:b:0": 30})
    ledger.enter("earlier", "org:b:0", 20)
    server = Redis.from_url(redis_url)
    server.delete(*server.keys(f"{prefix}:*"))
    server.close()

    two.tend()
    refused = one.reserve("too much", [charge(11)])

    assert refused == ("org:b:0", 90)
    assert used(one) == Used(20, 70)
    assert one.reserve("fits", [charge(10)]) is None


def test_a_process_that_is_gone_leaves_calls_that_the_sweep_finds(
    make_shared: Callable[[], RedisCounters], redis_url: str, prefix: str
) -> None:
    gone, here = make_shared(), make_shared()
    gone.reserve("lost", [charge(40)])
    here.reserve("alive", [charge(40)])
    server = Redis.from_url(redis_url)
    server.delete(f"{prefix}:books:alive:{gone._process}")
    server.close()

    assert here.stale(-1) == {"lost": False, "alive": True}
    assert here.windows_of("lost") == {"org:b:0": 40}
