"""A chain of audit entries proves itself: what was changed, moved or taken away is found."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from hyperstrate.observability import audit, audit_chain, retention
from hyperstrate.observability.models import AuditLog
from hyperstrate.shared.db import now, session, unit_of_work
from tests.observability.chains import keep, make_entry, move_head, remove, rows, tamper

YEAR = timedelta(days=366)


@pytest.fixture
def five(app: Flask) -> None:
    """A chain of five entries."""
    keep(*(make_entry(object_id=f"team_{number}") for number in range(1, 6)))


def problem() -> tuple[int, str]:
    session.rollback()
    verdict = audit_chain.verify("org_acme")
    return verdict.at, verdict.problem


@pytest.mark.usefixtures("five")
def test_a_chain_is_whole() -> None:
    verdict = audit_chain.verify("org_acme")

    assert verdict.is_whole
    assert (verdict.rows, verdict.seq, verdict.hash) == (5, 5, rows()[-1].hash)


@pytest.mark.usefixtures("app")
def test_each_entry_names_the_one_before_it() -> None:
    with unit_of_work():
        audit.write(session(), [make_entry(), make_entry(), make_entry(org_id="")])

    first, second = rows()
    (own,) = rows("")
    assert (first.seq, second.seq, own.seq) == (1, 2, 1)
    assert second.prev_hash == first.hash
    assert first.prev_hash == own.prev_hash == audit_chain.BEGINNING


@pytest.mark.usefixtures("app")
def test_an_empty_chain_is_whole() -> None:
    assert audit_chain.verify("org_acme").is_whole
    assert audit_chain.chains() == []


def swap() -> None:
    one, two = rows()[1:3]
    hashes = one.hash, two.hash
    tamper(2, seq=99)
    tamper(3, seq=2)
    tamper(99, seq=3)
    assert hashes == (rows()[2].hash, rows()[1].hash)


TAMPERING: dict[str, tuple[Callable[[], None], int, str]] = {
    "an actor": (lambda: tamper(3, user_email="bob@example.com"), 3, "changed"),
    "details": (lambda: tamper(1, details='{"after": {}}'), 1, "changed"),
    "a time": (lambda: tamper(2, created_at=now()), 2, "changed"),
    "the first row": (lambda: remove(1), 1, "missing"),
    "a row in the middle": (lambda: remove(3), 3, "missing"),
    "the last rows": (lambda: remove(4, 5), 4, "cut off"),
    "all rows": (lambda: remove(1, 2, 3, 4, 5), 1, "cut off"),
    "the order": (swap, 2, "changed"),
    "the head's hash": (lambda: move_head(hash="0" * 64), 6, "head"),
    "the head's number": (lambda: move_head(seq=4), 5, "added"),
}


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found(name: str) -> None:
    hand, at, word = TAMPERING[name]

    hand()

    assert problem()[0] == at
    assert word in problem()[1]


@pytest.mark.usefixtures("five")
def test_a_row_that_is_sealed_anew_breaks_the_next_one() -> None:
    third = rows()[2]
    values = {column.name: getattr(third, column.name) for column in AuditLog.__table__.columns}
    values["user_email"] = "bob@example.com"

    tamper(3, user_email="bob@example.com", hash=audit_chain.digest(values))

    assert problem()[0] == 4


@pytest.mark.usefixtures("app")
def test_a_purge_leaves_a_whole_chain_that_goes_on() -> None:
    keep(*(make_entry(at=now() - YEAR) for _ in range(3)))
    keep(make_entry())

    gone = retention.purge_audit(365)
    keep(make_entry())

    verdict = audit_chain.verify("org_acme")
    assert gone == 3
    assert verdict.is_whole, verdict.problem
    assert [row.seq for row in rows()] == [4, 5, 6]
    assert (rows()[1].resource, rows()[1].action) == ("audit", "purge")


@pytest.mark.usefixtures("app")
def test_everything_can_be_old() -> None:
    keep(make_entry(at=now() - YEAR), make_entry(at=now() - YEAR))

    assert retention.purge_audit(365) == 2

    assert audit_chain.verify("org_acme").is_whole
    assert retention.purge_audit(365) == 0


@pytest.mark.usefixtures("five")
def test_a_beginning_that_no_purge_took_is_missed() -> None:
    third = rows()[2]

    remove(1, 2, 3)
    move_head(purged_seq=3, purged_hash=third.hash)

    assert "purge" in problem()[1]


def test_writers_at_once_make_one_chain(app: Flask) -> None:
    failures: list[BaseException] = []

    def write() -> None:
        try:
            with app.app_context():
                keep(*(make_entry() for _ in range(5)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    verdict = audit_chain.verify("org_acme")
    assert verdict.is_whole, verdict.problem
    assert verdict.rows == 30
