"""The parts of a router as a service: what changes together, in which order, and what cannot be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from flask import Flask

from hyperstrate.ai import registrations
from hyperstrate.router import parts, routers
from hyperstrate.router.parts import StageChanges, TargetChanges
from hyperstrate.router.routers import Changes
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import AppError, BadRequest, Conflict, NotFound, Unprocessable
from tests.people import People


@pytest.fixture
def org_id(people: People) -> str:
    return people.alice.org_id


@pytest.fixture
def router_id(org_id: str) -> str:
    """A draft with percentages."""
    with unit_of_work():
        return routers.create(org_id, "support", strategy="percentage").id


def add_target(org_id: str, router_id: str, percentage: float = 0.0) -> str:
    with unit_of_work():
        model_id = registrations.register(org_id, "dummy").id
    with unit_of_work():
        return parts.add_target(org_id, router_id, model_id=model_id, percentage=percentage).id


def patterns(*texts: str) -> dict[str, list[str]]:
    return {"blocked_patterns": list(texts)}


def test_a_draft_may_have_any_percentages(org_id: str, router_id: str) -> None:
    first = add_target(org_id, router_id, 80)
    add_target(org_id, router_id, 80)

    with unit_of_work():
        changed = parts.update_target(org_id, router_id, first, TargetChanges(percentage=5))

    assert changed.percentage == 5


def test_shares_must_sum_up_even_in_a_draft(org_id: str, router_id: str) -> None:
    first, second = (add_target(org_id, router_id) for _ in range(2))

    with pytest.raises(Unprocessable), unit_of_work():
        parts.share_out(org_id, router_id, {first: TargetChanges(percentage=99)})
    with unit_of_work():
        parts.share_out(
            org_id,
            router_id,
            {first: TargetChanges(percentage=66.67), second: TargetChanges(percentage=33.33)},
        )

    assert [row.percentage for row in routers.get(org_id, router_id).targets] == [66.67, 33.33]


def test_a_disabled_target_has_no_share(org_id: str, router_id: str) -> None:
    first, second = add_target(org_id, router_id, 100), add_target(org_id, router_id)

    with unit_of_work():
        routers.update(org_id, router_id, Changes(status="active"))
        changes = {first: TargetChanges(is_enabled=False), second: TargetChanges(percentage=100)}
        parts.update_targets(org_id, router_id, changes)

    with pytest.raises(Unprocessable), unit_of_work():
        parts.update_target(org_id, router_id, first, TargetChanges(is_enabled=True))


def test_one_target_that_is_not_there_changes_none(org_id: str, router_id: str) -> None:
    target_id = add_target(org_id, router_id)
    changes = {target_id: TargetChanges(weight=7), "rtgt_gone": TargetChanges(weight=7)}

    with pytest.raises(NotFound), unit_of_work():
        parts.update_targets(org_id, router_id, changes)

    assert routers.get(org_id, router_id).targets[0].weight == 1


def test_an_interceptor_moves_by_places(org_id: str, router_id: str) -> None:
    with unit_of_work():
        first, second, third = (
            parts.add_interceptor(org_id, router_id, "content_filter", patterns(text)).id
            for text in ("one", "two", "three")
        )

    def ids() -> list[str]:
        return [row.id for row in routers.get(org_id, router_id).interceptors]

    with unit_of_work():
        parts.move_interceptor(org_id, router_id, third, by=-1)
    assert ids() == [first, third, second]
    with unit_of_work():
        parts.move_interceptor(org_id, router_id, third, by=-9)
    assert ids() == [third, first, second]
    with unit_of_work():
        parts.move_interceptor(org_id, router_id, third, by=9)
    assert ids() == [first, second, third]


def test_a_stage_goes_to_the_end_unless_it_is_placed(org_id: str, router_id: str) -> None:
    with unit_of_work():
        orders = [
            parts.add_interceptor(
                org_id, router_id, "content_filter", patterns("x"), execution_order=order
            ).execution_order
            for order in (None, 7, None, 0)
        ]

    assert orders == [1, 7, 8, 0]


def test_a_config_is_kept_whole_with_its_defaults(org_id: str, router_id: str) -> None:
    with unit_of_work():
        feature = parts.add_feature(org_id, router_id, "retry", {"max_retries": 1})
        changed = parts.update_feature(
            org_id, router_id, feature.id, StageChanges(config={"backoff_multiplier": 3})
        )

    assert changed.config == {
        "max_retries": 3,
        "initial_delay_ms": 100,
        "backoff_multiplier": 3.0,
    }


def test_a_stage_of_an_unknown_type_is_refused_with_the_known_ones(
    org_id: str, router_id: str
) -> None:
    with pytest.raises(BadRequest) as feature:
        parts.add_feature(org_id, router_id, "magic", {})
    with pytest.raises(BadRequest) as interceptor:
        parts.add_interceptor(org_id, router_id, "magic", {})

    assert "rate_limit" in feature.value.fields["featureType"][0]
    assert "content_filter" in interceptor.value.fields["type"][0]


def test_a_second_feature_of_a_type_is_a_conflict(org_id: str, router_id: str) -> None:
    with unit_of_work():
        parts.add_feature(org_id, router_id, "retry", {})

    with pytest.raises(Conflict), unit_of_work():
        parts.add_feature(org_id, router_id, "retry", {})


def test_a_target_is_described_with_its_model(org_id: str, router_id: str) -> None:
    target_id = add_target(org_id, router_id)
    (row,) = routers.get(org_id, router_id).targets

    found = parts.described(org_id, row)

    assert found["id"] == target_id
    assert found["model"]["id"] == row.model_id
    assert found["model"]["provider"] == "DUMMY"


@pytest.fixture
def halves(org_id: str, router_id: str) -> tuple[str, str]:
    """Two targets with 50 percent each; the router is active."""
    first, second = (add_target(org_id, router_id, share) for share in (100, 0))
    with unit_of_work():
        half = TargetChanges(percentage=50)
        parts.update_targets(org_id, router_id, {first: half, second: half})
        routers.update(org_id, router_id, Changes(status="active"))
    return first, second


def at_once(app: Flask, *acts: Callable[[], object]) -> list[str]:
    """Do all of them at the same time, each in its thread; the names of what they raised."""
    start = threading.Barrier(len(acts))

    def act(what: Callable[[], object]) -> str:
        with app.app_context():
            try:
                with unit_of_work():
                    start.wait(10)
                    what()
            except AppError as error:
                return type(error).__name__
            finally:
                session.remove()
        return ""

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def test_two_who_change_targets_at_once_leave_no_wrong_sum(
    app: Flask, org_id: str, router_id: str, halves: tuple[str, str]
) -> None:
    """Alone each of them would be right: off goes the one, off goes the other."""
    for _ in range(10):
        refusals = at_once(
            app,
            *(
                partial(
                    parts.update_targets,
                    org_id,
                    router_id,
                    {
                        off: TargetChanges(is_enabled=False),
                        on: TargetChanges(percentage=100, is_enabled=True),
                    },
                )
                for off, on in (halves, halves[::-1])
            ),
        )

        session.expire_all()
        rows = routers.get(org_id, router_id).targets
        assert sum(row.percentage for row in rows if row.is_enabled) == 100
        assert refusals == ["", ""]
        with unit_of_work():
            half = TargetChanges(percentage=50, is_enabled=True)
            parts.update_targets(org_id, router_id, dict.fromkeys(halves, half))


def test_of_two_who_turn_the_last_targets_off_one_is_refused(
    app: Flask, org_id: str, router_id: str, halves: tuple[str, str]
) -> None:
    with unit_of_work():
        routers.update(org_id, router_id, Changes(strategy="failover"))
    off = TargetChanges(is_enabled=False)

    for _ in range(10):
        refusals = at_once(
            app, *(partial(parts.update_target, org_id, router_id, id, off) for id in halves)
        )

        session.expire_all()
        rows = routers.get(org_id, router_id).targets
        assert sorted(refusals) == ["", "Unprocessable"]
        assert [row.is_enabled for row in rows].count(True) == 1
        with unit_of_work():
            on = TargetChanges(is_enabled=True)
            parts.update_targets(org_id, router_id, dict.fromkeys(halves, on))


def test_what_was_read_before_the_lock_is_read_again(
    app: Flask, org_id: str, router_id: str, halves: tuple[str, str]
) -> None:
    """The session has seen 50 and 50 when somebody else makes it 100 and 0."""
    first, second = halves
    seen = list(routers.get(org_id, router_id).targets)
    before = [row.percentage for row in seen]
    session.commit()
    shares = {first: TargetChanges(percentage=100), second: TargetChanges(percentage=0)}
    assert at_once(app, partial(parts.update_targets, org_id, router_id, shares)) == [""]

    with pytest.raises(Unprocessable), unit_of_work():
        parts.update_target(org_id, router_id, second, TargetChanges(percentage=50))

    assert before == [50, 50]
