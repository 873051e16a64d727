"""Routers as a service: races, what cannot run, who may use them, and what is told to others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from hyperstrate.ai import registrations
from hyperstrate.auth.keys import api_keys, verifying
from hyperstrate.auth.people import teams
from hyperstrate.events import RouterDeleted, router_deleted
from hyperstrate.router import parts, routers
from hyperstrate.router.models import Router
from hyperstrate.router.routers import Changes
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import Conflict, NotFound, Unauthorized
from tests.people import People


@pytest.fixture
def org_id(people: People) -> str:
    return people.alice.org_id


@pytest.fixture
def deleted() -> Iterator[list[RouterDeleted]]:
    """The events of this test."""
    heard: list[RouterDeleted] = []
    router_deleted.connect(heard.append)
    yield heard
    router_deleted.disconnect(heard.append)


def make(org_id: str, name: str = "support", **options: Any) -> str:
    with unit_of_work():
        return routers.create(org_id, name, strategy="failover", **options).id


def activate(org_id: str, router_id: str) -> None:
    with unit_of_work():
        model_id = registrations.register(org_id, "dummy").id
    with unit_of_work():
        parts.add_target(org_id, router_id, model_id=model_id)
        routers.update(org_id, router_id, Changes(status="active"))


def test_a_listing_brings_the_parts_and_is_sorted(org_id: str) -> None:
    for name in ("beta", "Alpha", "gamma"):
        make(org_id, name)
    activate(org_id, make(org_id, "delta"))

    by_name = [router.name for router in routers.listing(org_id, sort="name").items]
    by_status = [router.name for router in routers.listing(org_id, sort="-status").items]
    newest = routers.listing(org_id, sort="nonsense").items

    assert by_name == ["Alpha", "beta", "delta", "gamma"]
    assert by_status == ["Alpha", "beta", "gamma", "delta"]
    assert newest[0].name == "delta"
    assert len(newest[0].targets) == 1


def test_names_are_those_that_exist(org_id: str) -> None:
    first, second = make(org_id, "one"), make(org_id, "two")

    assert routers.names(org_id) == {first: "one", second: "two"}
    assert routers.names(org_id, [second, "rtr_gone"]) == {second: "two"}
    assert routers.names(org_id, []) == {}


def test_whoever_is_slower_with_a_name_is_told(app: Flask, org_id: str) -> None:
    """Both looked, and the name was free."""

    def be_quicker(*_: object) -> None:
        with app.app_context():
            make(org_id, "support")

    event.listen(session(), "before_flush", be_quicker, once=True)
    with pytest.raises(Conflict):
        make(org_id, "support")

    assert list(routers.names(org_id).values()) == ["support"]


def test_the_name_may_stay_in_a_change(org_id: str) -> None:
    router_id = make(org_id)

    with unit_of_work():
        routers.update(org_id, router_id, Changes(name="support", description="new"))

    assert routers.get(org_id, router_id).description == "new"


def test_a_deletion_is_told_after_the_commit(org_id: str, deleted: list[RouterDeleted]) -> None:
    router_id = make(org_id)

    with unit_of_work():
        routers.delete(org_id, router_id)
        assert deleted == []

    assert deleted == [RouterDeleted(org_id, router_id)]
    assert not routers.exists(org_id, router_id)


def test_a_deletion_that_fails_is_told_to_nobody(org_id: str, deleted: list[RouterDeleted]) -> None:
    router_id = make(org_id)

    def delete_both() -> None:
        routers.delete(org_id, router_id)
        routers.delete(org_id, "rtr_gone")

    with pytest.raises(NotFound), unit_of_work():
        delete_both()

    assert deleted == []
    assert routers.exists(org_id, router_id)


def test_the_keys_of_a_deleted_router_are_dead(org_id: str) -> None:
    gone, kept = make(org_id, "gone"), make(org_id, "kept")
    with unit_of_work():
        dead = api_keys.issue(org_id, "CI", router_id=gone).plaintext
        alive = api_keys.issue(org_id, "CI", router_id=kept).plaintext
    assert verifying.verify(dead).router_id == gone

    with unit_of_work():
        routers.delete(org_id, gone)

    with pytest.raises(Unauthorized):
        verifying.verify(dead)
    assert verifying.verify(alive).router_id == kept


def test_a_deleted_router_takes_its_parts_along(org_id: str) -> None:
    router_id = make(org_id)
    activate(org_id, router_id)

    with unit_of_work():
        parts.add_feature(org_id, router_id, "retry", {})
        routers.delete(org_id, router_id)

    for table in Router.metadata.sorted_tables:
        if "router_id" in table.columns:
            rows = session.execute(table.select().where(table.c.router_id == router_id))
            assert rows.all() == [], table.name


def test_teams_are_set_together(people: People, org_id: str) -> None:
    router_id = make(org_id)
    with unit_of_work():
        research, support = (teams.create(org_id, name).id for name in ("Research", "Support"))
        routers.set_teams(org_id, router_id, [research, people.alice.team_id])
        routers.set_teams(org_id, router_id, [research, support])

    allowed = {access.team_id for access in routers.accesses(org_id, router_id)}
    assert allowed == {research, support}
    assert set(routers.team_names(org_id, router_id).values()) == {"Research", "Support"}


def test_a_deleted_team_keeps_its_place_until_somebody_decides(org_id: str) -> None:
    router_id = make(org_id)
    with unit_of_work():
        team_id = teams.create(org_id, "Research").id
        routers.grant(org_id, router_id, team_id)
        teams.delete(org_id, team_id)

    assert routers.team_names(org_id, router_id) == {team_id: "A deleted team"}
    with unit_of_work():
        routers.set_teams(org_id, router_id, [team_id])
    assert len(routers.accesses(org_id, router_id)) == 1
    with unit_of_work():
        routers.set_teams(org_id, router_id, [])
    assert routers.accesses(org_id, router_id) == []


def test_one_team_that_is_not_there_changes_none(people: People, org_id: str) -> None:
    router_id = make(org_id)

    with pytest.raises(NotFound), unit_of_work():
        routers.set_teams(org_id, router_id, [people.alice.team_id, people.carol.team_id])

    assert routers.accesses(org_id, router_id) == []


def test_only_active_routers_answer_and_each_with_its_teams(people: People, org_id: str) -> None:
    make(org_id, "draft")
    for name in ("open", "closed"):
        activate(org_id, make(org_id, name))
    closed = next(id for id, name in routers.names(org_id).items() if name == "closed")
    with unit_of_work():
        routers.grant(org_id, closed, people.alice.team_id)

    found = {router.name: router.team_ids for router in routers.active(org_id)}
    assert found == {"closed": {people.alice.team_id}, "open": set()}
