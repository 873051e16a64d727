"""What must happen when a caller goes away happens once, whenever it was asked for."""

from __future__ import annotations

import pytest

from hyperstrate.shared.inference import Cancellation


@pytest.fixture
def cancellation() -> Cancellation:
    return Cancellation()


def test_what_was_added_runs_once_when_the_caller_goes(cancellation: Cancellation) -> None:
    done: list[str] = []
    cancellation.add(lambda: done.append("first"))
    cancellation.add(lambda: done.append("second"))
    assert not cancellation.is_cancelled

    cancellation.cancel()
    cancellation.cancel()

    assert cancellation.is_cancelled
    assert sorted(done) == ["first", "second"]


def test_what_is_added_too_late_runs_at_once(cancellation: Cancellation) -> None:
    done: list[str] = []
    cancellation.cancel()

    cancellation.add(lambda: done.append("late"))

    assert done == ["late"]


def test_what_was_removed_does_not_run(cancellation: Cancellation) -> None:
    done: list[str] = []

    def act() -> None:
        done.append("never")

    cancellation.add(act)
    cancellation.remove(act)
    cancellation.remove(act)
    cancellation.cancel()

    assert done == []


def test_an_action_may_add_or_remove_another(cancellation: Cancellation) -> None:
    done: list[str] = []

    def gone() -> None:
        done.append("gone")

    def act() -> None:
        cancellation.remove(gone)
        cancellation.add(lambda: done.append("added"))

    cancellation.add(gone)
    cancellation.add(act)
    cancellation.cancel()

    assert done == ["added"]
