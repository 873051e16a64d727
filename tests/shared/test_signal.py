"""A signal reaches all who listen, whatever one of them does."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from hyperstrate.shared.signal import Signal


@pytest.fixture
def signal() -> Signal[str]:
    return Signal("said")


def test_listeners_hear_in_the_order_in_which_they_connected(signal: Signal[str]) -> None:
    heard: list[str] = []
    signal.connect(lambda event: heard.append(f"first {event}"))
    signal.connect(lambda event: heard.append(f"second {event}"))

    signal.emit("hello")

    assert heard == ["first hello", "second hello"]


def test_connecting_twice_counts_once(signal: Signal[str]) -> None:
    heard: list[str] = []
    signal.connect(heard.append)
    signal.connect(heard.append)

    signal.emit("hello")

    assert heard == ["hello"]


def test_who_disconnects_hears_no_more(signal: Signal[str]) -> None:
    heard: list[str] = []
    signal.connect(heard.append)
    signal.disconnect(heard.append)

    signal.emit("hello")

    assert heard == []


def test_who_disconnects_while_it_hears_takes_nothing_from_the_next(signal: Signal[str]) -> None:
    heard: list[str] = []

    def once(event: str) -> None:
        heard.append(event)
        signal.disconnect(once)

    signal.connect(once)
    signal.connect(heard.append)
    signal.emit("a")
    signal.emit("b")

    assert heard == ["a", "a", "b"]


def test_a_failing_listener_keeps_nobody_from_hearing_and_is_logged(
    signal: Signal[str],
) -> None:
    heard: list[str] = []

    def fail(_: str) -> None:
        raise ValueError("broken")

    signal.connect(fail)
    signal.connect(heard.append)
    with capture_logs() as logs:
        signal.emit("hello")

    assert heard == ["hello"]
    assert [(log["event"], log["signal"]) for log in logs] == [("listener_failed", "said")]


def test_nobody_needs_to_listen(signal: Signal[str]) -> None:
    signal.emit("hello")
