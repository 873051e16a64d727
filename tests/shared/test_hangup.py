"""A client that hangs up is noticed, even while nobody reads or writes there."""

from __future__ import annotations

import socket as plain
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from hyperstrate.shared.hangup import watch

SOON = 0.05  # long enough for an event of the loop that should not come


@dataclass
class Line:
    """A connection: the server's side, and the client's."""

    server: socket.socket
    client: plain.socket

    def reset(self) -> None:
        """End it without a goodbye."""
        self.client.setsockopt(plain.SOL_SOCKET, plain.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()


@pytest.fixture
def line() -> Iterator[Line]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    client = plain.create_connection(listener.getsockname()[:2])
    server, _ = listener.accept()
    listener.close()
    yield Line(server, client)
    server.close()
    client.close()


@pytest.fixture
def gone() -> Event:
    return Event()


def test_a_client_that_closes_is_gone(line: Line, gone: Event) -> None:
    watch(line.server, gone.set)
    gevent.sleep(SOON)
    assert not gone.is_set()

    line.client.close()

    assert gone.wait(10)


def test_a_client_that_resets_is_gone(line: Line, gone: Event) -> None:
    watch(line.server, gone.set)

    line.reset()

    assert gone.wait(10)


def test_a_client_that_was_gone_before_is_gone(line: Line, gone: Event) -> None:
    line.client.close()

    watch(line.server, gone.set)

    assert gone.wait(10)


def test_a_client_that_sends_its_next_request_is_not_gone(line: Line, gone: Event) -> None:
    watch(line.server, gone.set)

    line.client.sendall(b"GET / HTTP/1.1\r\n")
    gevent.sleep(SOON)

    assert not gone.is_set()
    assert line.server.recv(100) == b"GET / HTTP/1.1\r\n"


def test_who_ended_the_watch_hears_nothing(line: Line, gone: Event) -> None:
    stop = watch(line.server, gone.set)

    stop()
    line.client.close()
    gevent.sleep(SOON)

    assert not gone.is_set()


def test_a_watch_may_be_ended_twice_and_after_the_end(line: Line, gone: Event) -> None:
    stop = watch(line.server, gone.set)
    line.client.close()
    assert gone.wait(10)

    stop()
    stop()


def test_what_is_done_then_may_wait(line: Line, gone: Event) -> None:
    """It runs in a greenlet of its own, not in the loop."""

    def wait_and_tell() -> None:
        gevent.sleep(0.001)
        gone.set()

    watch(line.server, wait_and_tell)
    line.client.close()

    assert gone.wait(10)
