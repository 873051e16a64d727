"""What groups mean: teams and roles, brought up to date at every sign-in."""

from __future__ import annotations

import pytest

from hyperstrate.auth.models import Team
from hyperstrate.auth.people import directory, teams
from hyperstrate.auth.sso import groups as sso_groups
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import BadRequest, Conflict, NotFound
from tests.auth.sso.desk import Desk
from tests.people import People


@pytest.fixture
def team(people: People) -> Team:
    """Acme's team "Research"."""
    with unit_of_work():
        return teams.create(people.alice.org_id, "Research")


def _map(people: People, group: str, **means: str) -> None:
    with unit_of_work():
        sso_groups.add(people.alice.org_id, group, **means)


def _sign_in(desk: Desk, *groups: str, **claims: object) -> dict[str, object]:
    desk.idp.claims = {"groups": list(groups), **claims}
    answer = desk.come_back()
    assert answer.status_code == 303, answer.text
    return desk.who()


def _teams(people: People, user_id: object) -> list[str]:
    return [team.name for team in teams.of_person(people.alice.org_id, str(user_id))]


def test_groups_bring_teams_and_take_them_again(desk: Desk, people: People, team: Team) -> None:
    _map(people, "researchers", team_id=team.id)

    user_id = _sign_in(desk, "researchers", "others")["id"]
    assert _teams(people, user_id) == ["Research"]
    _sign_in(desk, "others")

    assert _teams(people, user_id) == []


def test_a_team_that_was_given_by_hand_stays(desk: Desk, people: People, team: Team) -> None:
    user_id = str(_sign_in(desk)["id"])
    with unit_of_work():
        teams.add_member(people.alice.org_id, team.id, user_id)
    _map(people, "researchers", team_id=team.id)

    _sign_in(desk, "researchers")
    _sign_in(desk)

    assert _teams(people, user_id) == ["Research"]


def test_the_highest_role_counts_and_goes_with_its_group(desk: Desk, people: People) -> None:
    _map(people, "readers", role="viewer")
    _map(people, "bosses", role="admin")

    assert _sign_in(desk, "readers", "bosses")["role"] == "admin"
    assert _sign_in(desk, "readers")["role"] == "viewer"
    assert _sign_in(desk)["role"] == "member"


def test_a_role_that_was_given_by_hand_stays(desk: Desk, people: People) -> None:
    _map(people, "readers", role="viewer")
    user_id = str(_sign_in(desk, "readers")["id"])
    with unit_of_work():
        directory.change(people.alice.org_id, user_id, {"role": "admin"})

    assert _sign_in(desk)["role"] == "admin"


def test_the_last_admin_is_not_demoted(desk: Desk, people: People) -> None:
    _map(people, "readers", role="viewer")

    who = _sign_in(desk, "readers", email=people.alice.email)

    assert (who["id"], who["role"]) == (people.alice.id, "admin")


def test_groups_that_the_provider_could_not_say_change_nothing(
    desk: Desk, people: People, team: Team
) -> None:
    _map(people, "researchers", team_id=team.id)
    user_id = _sign_in(desk, "researchers")["id"]

    desk.idp.claims = {"_claim_names": {"groups": "src1"}}
    desk.come_back()

    assert _teams(people, user_id) == ["Research"]


def test_what_groups_did_is_told(people: People, team: Team) -> None:
    _map(people, "researchers", team_id=team.id)
    _map(people, "readers", role="viewer")

    with unit_of_work():
        outcome = sso_groups.apply(
            people.alice.org_id,
            people.bob.id,
            ["researchers", "readers", "nobody knows"],
            default_role="member",
        )

    assert outcome.detail() == {
        "teams_joined": ["Research"],
        "role": "viewer",
        "groups_ignored": ["nobody knows"],
    }


def test_a_mapping_means_something_once(people: People, team: Team) -> None:
    org_id = people.alice.org_id
    _map(people, "researchers", team_id=team.id)

    with pytest.raises(Conflict), unit_of_work():
        sso_groups.add(org_id, "researchers", team_id=team.id)
    with pytest.raises(BadRequest), unit_of_work():
        sso_groups.add(org_id, "researchers")
    with pytest.raises(NotFound), unit_of_work():
        sso_groups.add(org_id, "researchers", team_id=people.carol.team_id)
