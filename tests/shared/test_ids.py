"""Ids tell their kind, sort by time, and never come twice."""

from __future__ import annotations

import re
import time
from uuid import UUID

import pytest

from hyperstrate.shared.ids import new_id

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def uuid_of(typed_id: str) -> UUID:
    """The UUID in a TypeID, read as its specification says."""
    number = 0
    for letter in typed_id.rpartition("_")[2]:
        number = number << 5 | ALPHABET.index(letter)
    return UUID(int=number)


def test_an_id_is_a_typeid() -> None:
    assert re.fullmatch(r"rtr_[0-7][0-9a-hjkmnp-tv-z]{25}", new_id("rtr"))


def test_it_holds_a_uuid_of_version_7_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_763_769_600_123 * 1_000_000 + 999)

    uuid = uuid_of(new_id("rtr"))

    assert uuid.version == 7
    assert uuid.variant == "specified in RFC 4122"
    assert uuid.int >> 80 == 1_763_769_600_123


def test_ids_sort_by_the_time_at_which_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns()
    times = [now + step * 1_000_000 for step in (0, 1, 2, 1000, 10**9)]
    clock = iter(times)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))

    made = [new_id("x") for _ in times]

    assert made == sorted(made)


def test_ids_of_one_moment_are_all_different(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1)

    made = {new_id("x") for _ in range(10_000)}

    assert len(made) == 10_000
