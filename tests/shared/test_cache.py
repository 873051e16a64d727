"""What a process remembers is forgotten when it changes, here at once and elsewhere at a look."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from hyperstrate.shared import cache
from hyperstrate.shared.cache import CacheVersion, VersionedCache, bump, forget, look, watch
from hyperstrate.shared.db import db, session, unit_of_work
from hyperstrate.shared.ids import new_id


@pytest.fixture
def topic() -> str:
    """A topic that no other test knows."""
    return new_id("topic")


class Loads:
    """Gives 1, 2, 3 ... for the keys that it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, key: str) -> int:
        self.asked.append(key)
        return len(self.asked)


@pytest.fixture
def loads() -> Loads:
    return Loads()


def version(topic: str) -> int | None:
    return session.scalar(select(CacheVersion.version).where(CacheVersion.topic == topic))


def change(topic: str) -> None:
    with unit_of_work():
        bump(topic)


def test_a_value_is_loaded_once(topic: str, loads: Loads) -> None:
    values: VersionedCache[str, int] = VersionedCache(topic)

    assert [values.get("a", loads), values.get("b", loads), values.get("a", loads)] == [1, 2, 1]
    assert loads.asked == ["a", "b"]


def test_a_failed_load_is_not_kept(topic: str, loads: Loads) -> None:
    values: VersionedCache[str, int] = VersionedCache(topic)

    def fail(_: str) -> int:
        raise KeyError("away")

    with pytest.raises(KeyError):
        values.get("a", fail)

    assert values.get("a", loads) == 1


def test_the_oldest_goes_when_it_is_full(topic: str, loads: Loads) -> None:
    values: VersionedCache[str, int] = VersionedCache(topic, size=2)
    for key in ("a", "b", "a", "c"):
        values.get(key, loads)

    values.get("b", loads)
    values.get("a", loads)

    assert loads.asked == ["a", "b", "c", "a"]


def test_a_topic_empties_its_caches_and_no_other(topic: str, loads: Loads) -> None:
    both: VersionedCache[str, int] = VersionedCache(topic, f"{topic}-2")
    other: VersionedCache[str, int] = VersionedCache(f"{topic}-2")
    first = [both.get("a", loads), other.get("a", loads)]

    forget(topic)
    after = [both.get("a", loads), other.get("a", loads)]
    forget(f"{topic}-2")
    last = [both.get("a", loads), other.get("a", loads)]

    assert (first, after, last) == ([1, 2], [3, 2], [4, 5])


def test_what_was_loaded_before_a_change_is_not_kept(topic: str, loads: Loads) -> None:
    """The load read the old row, and the change came before the value was put away."""
    values: VersionedCache[str, int] = VersionedCache(topic)
    is_reading, is_changed = threading.Event(), threading.Event()
    got: list[int] = []

    def read_slowly(_: str) -> int:
        is_reading.set()
        assert is_changed.wait(10)
        return -1

    reader = threading.Thread(target=lambda: got.append(values.get("a", read_slowly)))
    reader.start()
    assert is_reading.wait(10)
    forget(topic)
    is_changed.set()
    reader.join(10)

    assert got == [-1]
    assert values.get("a", loads) == 1


def test_a_change_is_seen_here_at_the_commit(app: Flask, topic: str, loads: Loads) -> None:
    values: VersionedCache[str, int] = VersionedCache(topic)
    values.get("a", loads)

    with unit_of_work():
        bump(topic)
        assert values.get("a", loads) == 1

    assert values.get("a", loads) == 2
    assert version(topic) == 1


def test_a_change_that_fails_forgets_nothing(app: Flask, topic: str, loads: Loads) -> None:
    values: VersionedCache[str, int] = VersionedCache(topic)
    values.get("a", loads)

    def fail() -> None:
        bump(topic)
        raise KeyError("no")

    with pytest.raises(KeyError), unit_of_work():
        fail()
    change(new_id("other"))

    assert values.get("a", loads) == 1
    assert version(topic) is None


def test_each_unit_of_work_counts_once(app: Flask, topic: str) -> None:
    for _ in range(3):
        change(topic)
    with unit_of_work():
        bump(topic)
        bump(topic)

    assert version(topic) == 4


def test_a_change_elsewhere_is_seen_at_the_next_look(app: Flask, topic: str, loads: Loads) -> None:
    values: VersionedCache[str, int] = VersionedCache(topic)
    other: VersionedCache[str, int] = VersionedCache(f"{topic}-2")
    change(topic)
    look()
    first = [values.get("a", loads), other.get("a", loads)]

    look()
    unchanged = values.get("a", loads)
    change_elsewhere(topic)
    before_the_look = values.get("a", loads)
    look()

    assert (first, unchanged, before_the_look) == ([1, 2], 1, 1)
    assert [values.get("a", loads), other.get("a", loads)] == [3, 2]


def change_elsewhere(topic: str) -> None:
    """What the database holds after another process changed something."""
    row = session.get_one(CacheVersion, topic)
    row.version += 1
    session.commit()


def test_a_load_sees_what_is_committed_and_nothing_else(app: Flask, topic: str) -> None:
    cache.load_in(app.app_context)
    values: VersionedCache[str, int | None] = VersionedCache(topic)
    change(topic)

    def fail() -> None:
        session.get_one(CacheVersion, topic).version = 2
        session.flush()
        assert version(topic) == 2
        assert values.get(topic, version) == 1
        raise KeyError("no")

    with pytest.raises(KeyError), unit_of_work():
        fail()

    assert values.get(topic, version) == 1


def test_a_watch_looks_again_and_again_until_it_ends(
    app: Flask, topic: str, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is away for a moment does not end it."""
    values: VersionedCache[str, int] = VersionedCache(topic)
    change(topic)
    look()
    values.get("a", loads)
    change_elsewhere(topic)
    stop, looks = threading.Event(), [1, 2, 3]

    def context() -> AppContext:
        if looks.pop() == 3:
            raise OperationalError("SELECT", {}, ConnectionError("away"))
        if not looks:
            stop.set()
        return app.app_context()

    monkeypatch.setattr(cache, "_context", context)
    watch(stop, every_s=0.001)

    monkeypatch.setattr(cache, "_context", app.app_context)
    assert looks == []
    assert values.get("a", loads) == 2


def test_values_are_loaded_in_the_context_that_was_given(
    topic: str, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[str] = []

    class Context:
        def __enter__(self) -> None:
            entered.append("in")

        def __exit__(self, *_: object) -> None:
            entered.append("out")

    context: Callable[[], Context] = Context
    monkeypatch.setattr(cache, "_context", context)
    values: VersionedCache[str, int] = VersionedCache(topic)

    values.get("a", loads)
    values.get("a", loads)

    assert entered == ["in", "out"]


def test_topics_are_written_in_one_order(app: Flask, topic: str) -> None:
    """Two units that change the same topics lock their rows alike, and cannot wait in a circle."""
    written: list[str] = []

    def note(_conn: object, _cursor: object, sql: str, values: Any, *_: object) -> None:
        if "cache_versions" in sql and sql.startswith("INSERT"):
            written.extend(str(value) for value in _values(values) if topic in str(value))

    event.listen(db.engine, "before_cursor_execute", note)
    with unit_of_work():
        for name in ("c", "a", "b", "a"):
            bump(f"{topic}-{name}")
        assert written == []
    event.remove(db.engine, "before_cursor_execute", note)

    assert written == [f"{topic}-{name}" for name in "abc"]


def _values(values: Any) -> list[Any]:
    return list(values.values() if isinstance(values, dict) else values)


class Slow:
    """A load that waits until it is let go; ``begun`` once somebody loads."""

    def __init__(self, *outcomes: int | BaseException) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.outcomes = list(outcomes)
        self.loads = 0

    def __call__(self, _: str) -> int:
        self.loads += 1
        outcome = self.outcomes.pop(0)
        self.begun.set()
        assert self.go_on.wait(30)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def ask_together(values: VersionedCache[str, int], load: Slow, callers: int) -> list[int | str]:
    """What ``callers`` get that all ask while the first one's load is under way."""
    got: list[int | str] = []

    def ask() -> None:
        try:
            got.append(values.get("a", load))
        except BaseException as error:
            got.append(type(error).__name__)

    threads = [threading.Thread(target=ask) for _ in range(callers)]
    threads[0].start()
    assert load.begun.wait(30)
    for thread in threads[1:]:
        thread.start()
    load.go_on.set()
    for thread in threads:
        thread.join(30)
    return got


def test_who_misses_together_loads_once(topic: str) -> None:
    load = Slow(7)

    got = ask_together(VersionedCache(topic), load, 200)

    assert (got, load.loads) == ([7] * 200, 1)


def test_a_load_that_fails_fails_for_who_waits_and_not_for_who_comes_later(topic: str) -> None:
    values: VersionedCache[str, int] = VersionedCache(topic)
    waiting = Slow(KeyError("away"), *[8] * 9)

    got = ask_together(values, waiting, 9)

    assert "KeyError" in got
    assert set(got) <= {"KeyError", 8}
    assert values.get("a", lambda _: 8) == 8


def test_a_load_that_was_killed_is_begun_anew_by_who_waits(topic: str) -> None:
    got = ask_together(VersionedCache(topic), Slow(SystemExit(), 8), 3)

    assert sorted(map(str, got)) == ["8", "8", "SystemExit"]


def test_who_comes_after_a_change_does_not_wait_for_the_old_value(topic: str) -> None:
    values: VersionedCache[str, int] = VersionedCache(topic)
    old = Slow(1)
    reader = threading.Thread(target=lambda: values.get("a", old))
    reader.start()
    assert old.begun.wait(30)

    forget(topic)
    new = values.get("a", lambda _: 2)
    old.go_on.set()
    reader.join(30)

    assert (new, values.get("a", old)) == (2, 2)


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent
from hyperstrate.shared.cache import VersionedCache
values, loads = VersionedCache("x"), []
def load(key):
    loads.append(key)
    gevent.sleep(0.05)
    return 7
asking = [gevent.spawn(values.get, "a", load) for _ in range(1000)]
gevent.joinall(asking, timeout=30, raise_error=True)
print(len(loads), {greenlet.value for greenlet in asking})
"""


def test_a_thousand_greenlets_load_once() -> None:
    command = [sys.executable, "-W", "error", "-c", GREENLETS]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert (done.stdout.strip(), done.stderr) == ("1 {7}", "")
