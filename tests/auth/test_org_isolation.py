"""No service that takes an organisation touches another one's."""

from __future__ import annotations

import pytest

from hyperstrate.auth import directory, keys, sessions, setup, teams
from hyperstrate.auth.keys import KeyView
from hyperstrate.auth.models import APIKey
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.errors import NotFound
from tests.people import PASSWORD, People


@pytest.fixture
def key(people: People) -> KeyView:
    """A key of Acme."""
    with unit_of_work():
        return keys.issue(people.alice.org_id, "CI", scope="global")


def test_directory_organizations(people: People) -> None:
    found = directory.organizations(people.carol.org_id)

    assert [item.id for item in found.items] == [people.carol.org_id]


def test_directory_create_user(people: People) -> None:
    with unit_of_work():
        directory.create_user(people.carol.org_id, "dan@example.com")

    found = directory.users(people.alice.org_id)
    assert [user.name for user in found.items] == ["Alice", "Bob"]


def test_directory_user(people: People) -> None:
    with pytest.raises(NotFound):
        directory.user(people.carol.org_id, people.alice.id)


def test_directory_users(people: People) -> None:
    found = directory.users(people.carol.org_id)

    assert [user.name for user in found.items] == ["Carol"]


def test_directory_join(people: People) -> None:
    with pytest.raises(NotFound), unit_of_work():
        directory.join(people.carol.org_id, people.carol.id, people.alice.team_id)
    with pytest.raises(NotFound), unit_of_work():
        directory.join(people.carol.org_id, people.alice.id, people.carol.team_id)


def test_teams_create(people: People) -> None:
    with unit_of_work():
        teams.create(people.carol.org_id, "Research")

    assert [team.name for team in teams.find(people.alice.org_id).items] == ["Default"]


def test_teams_get(people: People) -> None:
    with pytest.raises(NotFound):
        teams.get(people.carol.org_id, people.alice.team_id)


def test_teams_exists(people: People) -> None:
    assert teams.exists(people.alice.org_id, people.alice.team_id)
    assert not teams.exists(people.carol.org_id, people.alice.team_id)


def test_teams_default(people: People) -> None:
    assert teams.default(people.carol.org_id).id == people.carol.team_id


def test_teams_find(people: People) -> None:
    found = teams.find(people.carol.org_id, ids=[people.alice.team_id, people.carol.team_id])

    assert [team.id for team in found.items] == [people.carol.team_id]


def test_teams_update(people: People) -> None:
    with pytest.raises(NotFound), unit_of_work():
        teams.update(people.carol.org_id, people.alice.team_id, {"name": "Taken"})

    assert teams.get(people.alice.org_id, people.alice.team_id).name == "Default"


def test_teams_delete(people: People) -> None:
    with pytest.raises(NotFound), unit_of_work():
        teams.delete(people.carol.org_id, people.alice.team_id)

    assert teams.exists(people.alice.org_id, people.alice.team_id)


def test_keys_issue(people: People, router_id: str) -> None:
    for options in ({"router_id": router_id}, {"team_id": people.alice.team_id, "scope": "global"}):
        with pytest.raises(NotFound), unit_of_work():
            keys.issue(people.carol.org_id, "CI", **options)  # type: ignore[arg-type]


def test_keys_find(people: People, key: KeyView) -> None:
    assert keys.find(people.carol.org_id).items == []
    assert keys.find(people.carol.org_id, team_id=people.alice.team_id).items == []
    assert [view.key.id for view in keys.find(people.alice.org_id).items] == [key.key.id]


def test_keys_get(people: People, key: KeyView) -> None:
    with pytest.raises(NotFound):
        keys.get(people.carol.org_id, key.key.id)


def test_keys_change(people: People, key: KeyView) -> None:
    with pytest.raises(NotFound), unit_of_work():
        keys.change(people.carol.org_id, key.key.id, {"is_enabled": False})

    assert keys.verify(key.plaintext)


def test_keys_rotate(people: People, key: KeyView) -> None:
    with pytest.raises(NotFound), unit_of_work():
        keys.rotate(people.carol.org_id, key.key.id)

    assert keys.verify(key.plaintext)


def test_keys_delete(people: People, key: KeyView) -> None:
    with pytest.raises(NotFound), unit_of_work():
        keys.delete(people.carol.org_id, key.key.id)

    assert keys.verify(key.plaintext)


def test_keys_mark_used(people: People, key: KeyView) -> None:
    with unit_of_work():
        keys.mark_used({(people.carol.org_id, key.key.id): now()})

    session.expire_all()
    assert session.get_one(APIKey, key.key.id).last_used_at is None


def test_sessions_change_password(people: People) -> None:
    with pytest.raises(NotFound), unit_of_work():
        sessions.change_password(
            people.carol.org_id,
            people.alice.id,
            old=PASSWORD,
            new="another long password",
            address="192.0.2.1",
        )

    assert sessions.verify(people.alice.token)


def test_setup_takes_over_nothing(people: People) -> None:
    assert not setup.is_required()
