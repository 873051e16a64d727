"""A flood of refusals makes few entries, and none of it is left out of the count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hyperstrate.observability.audit_repeats import MOST_PER_ACTOR, Repeats
from hyperstrate.shared.audit import Actor, Entry
from tests.observability.chains import make_entry

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def attempt(second: int = 0, *, address: str = "192.0.2.9", **detail: Any) -> Entry:
    return make_entry(
        action="sign_in",
        actor=Actor("anonymous", address=address),
        outcome="refused",
        at=NOON + timedelta(seconds=second),
        detail={"email": "ada@example.com", **detail},
    )


def test_the_first_of_a_minute_is_kept_and_the_others_are_counted() -> None:
    repeats = Repeats()

    kept = [repeats.admit(attempt(second)) for second in range(30)]

    assert [len(entries) for entries in kept] == [1] + [0] * 29
    (count,) = repeats.over(NOON.timestamp() + 61)
    assert count.detail["repeats"] == 29
    assert repeats.over(NOON.timestamp() + 62) == []


def test_another_account_and_another_address_are_other_refusals() -> None:
    repeats = Repeats()

    repeats.admit(attempt())

    assert len(repeats.admit(attempt(email="bob@example.com"))) == 1
    assert len(repeats.admit(attempt(address="192.0.2.10"))) == 1


def test_the_next_minute_begins_with_the_count_of_the_last_one() -> None:
    repeats = Repeats()
    repeats.admit(attempt(1))
    repeats.admit(attempt(2))

    count, first = repeats.admit(attempt(61))

    assert (count.detail["repeats"], "repeats" in first.detail) == (1, False)


def test_a_flood_of_ever_new_accounts_stays_small() -> None:
    repeats = Repeats()

    kept = sum(
        len(repeats.admit(attempt(address=f"198.51.100.{number % 250}", email=f"{number}@x")))
        for number in range(5000)
    )

    assert kept == MOST_PER_ACTOR + 1
    (rest,) = repeats.over(NOON.timestamp() + 60)
    assert rest.detail["repeats"] == 5000 - MOST_PER_ACTOR - 1


def test_strangers_do_not_crowd_out_people() -> None:
    repeats = Repeats()
    for number in range(1000):
        repeats.admit(attempt(email=f"{number}@x"))

    (kept,) = repeats.admit(make_entry(outcome="refused", at=NOON))

    assert kept.actor.name == "ada@example.com"
