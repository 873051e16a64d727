"""The backends of the environment are honoured."""

from __future__ import annotations

from hyperstrate.shared.ids import new_id
from hyperstrate.shared.store import MemoryStore
from hyperstrate.shared.store_choice import connect, link_to
from hyperstrate.shared.store_redis import RedisStore


def test_without_redis_everything_is_in_memory() -> None:
    assert isinstance(connect(link_to("", "hs", processes=1)), MemoryStore)


def test_with_redis_everything_is_there(redis_url: str) -> None:
    assert isinstance(connect(link_to(redis_url, "hs", processes=2)), RedisStore)


def test_the_cache_may_stay_in_memory_while_limits_are_shared(redis_url: str) -> None:
    prefix = new_id("test")
    one, two = (connect(link_to(redis_url, prefix, processes=2), cache="memory") for _ in range(2))

    one.set("answer", b"42", ttl_s=60)
    counted = [store.increment("counter", ttl_s=60) for store in (one, two)]

    assert one.get("answer") == b"42"
    assert two.get("answer") is None
    assert counted == [1, 2]
    assert one.problem() == ""


def test_limits_may_stay_in_memory_while_the_cache_is_shared(redis_url: str) -> None:
    prefix = new_id("test")
    one, two = (connect(link_to(redis_url, prefix, processes=2), limits="memory") for _ in range(2))

    one.set("answer", b"42", ttl_s=60)
    taken = [store.take("bucket", rate=0.001, burst=1).is_allowed for store in (one, two)]

    assert two.get("answer") == b"42"
    assert taken == [True, True]
