"""Who may use a router, and when it answers."""

from __future__ import annotations

from typing import Any

import pytest

from hyperstrate.router.admission import admit, check_direct, is_open
from hyperstrate.shared.errors import Forbidden, Unprocessable
from hyperstrate.shared.guards import Caller
from tests.router.conftest import MakeExchange, make_plan


def caller(**values: Any) -> Caller:
    return Caller("org_1", "api_key", **values)


def test_a_router_without_teams_is_open_to_its_organization(make_exchange: MakeExchange) -> None:
    admit(make_exchange(make_plan(), caller=caller()))


@pytest.mark.parametrize("team_ids", [("a",), ("x", "b")])
def test_one_of_the_teams_is_enough(make_exchange: MakeExchange, team_ids: tuple[str, ...]) -> None:
    plan = make_plan(team_ids=frozenset({"a", "b"}))

    admit(make_exchange(plan, caller=caller(team_ids=team_ids)))


@pytest.mark.parametrize("team_ids", [(), ("x",)])
def test_other_teams_and_none_stay_out(
    make_exchange: MakeExchange, team_ids: tuple[str, ...]
) -> None:
    plan = make_plan(team_ids=frozenset({"a"}))

    with pytest.raises(Forbidden, match="your team does not have access to this router"):
        admit(make_exchange(plan, caller=caller(team_ids=team_ids)))


def test_an_admin_needs_no_team(make_exchange: MakeExchange) -> None:
    admin = Caller("org_1", "session", role="admin")

    admit(make_exchange(make_plan(team_ids=frozenset({"a"})), caller=admin))


def test_a_key_of_another_router_stays_out(make_exchange: MakeExchange) -> None:
    admit(make_exchange(make_plan(), caller=caller(router_id="rtr_1")))
    with pytest.raises(Forbidden, match="another router"):
        admit(make_exchange(make_plan(), caller=caller(router_id="rtr_2")))


@pytest.mark.parametrize("status", ["draft", "inactive"])
def test_a_router_that_is_not_active_does_not_answer(
    make_exchange: MakeExchange, status: str
) -> None:
    with pytest.raises(Unprocessable, match="router is not active"):
        admit(make_exchange(make_plan(status=status)))


def test_who_may_not_come_in_does_not_hear_the_status(make_exchange: MakeExchange) -> None:
    plan = make_plan(status="draft", team_ids=frozenset({"a"}))

    with pytest.raises(Forbidden):
        admit(make_exchange(plan, caller=caller()))


def test_a_bound_key_calls_no_model_directly() -> None:
    check_direct(caller())
    with pytest.raises(Forbidden):
        check_direct(caller(router_id="rtr_1"))


def test_open_is_the_same_for_sets_and_lists() -> None:
    assert is_open([], caller())
    assert is_open(["a"], caller(team_ids=("a",)))
    assert not is_open({"a"}, caller(team_ids=("b",)))
