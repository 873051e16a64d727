"""No service that takes an organisation touches another one's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hyperstrate.auth import limits, scoped
from hyperstrate.auth.books import (
    balance,
    budget_views,
    budgets,
    ceilings,
    provider_csv,
    reconciliation,
    shares,
)
from hyperstrate.auth.keys import (
    api_keys,
    key_rows,
    key_secrets,
    key_views,
    leaks,
    verifying,
    virtual_keys,
)
from hyperstrate.auth.keys.key_views import KeyView
from hyperstrate.auth.models import APIKey, Budget, Organization, SsoProvider, User
from hyperstrate.auth.people import (
    accounts,
    directory,
    invitations,
    organizations,
    sessions,
    setup,
    teams,
)
from hyperstrate.auth.people.invitations import InvitationView
from hyperstrate.auth.sso import groups, providers
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.spending import Share
from tests.auth.books.bills import as_file
from tests.auth.books.rows import entry, write
from tests.people import PASSWORD, People


@pytest.fixture
def key(people: People) -> KeyView:
    """A key of Acme."""
    with unit_of_work():
        return api_keys.issue(people.alice.org_id, "CI", scope="global")


def test_directory_create_user(people: People) -> None:
    with unit_of_work():
        directory.create_user(people.carol.org_id, "eve@example.com")

    found = directory.people(people.alice.org_id)
    names = [member.user.name for member in found.items]
    assert names == ["Alice", "Bob", "Dora", "Vera"]


def test_directory_enroll(people: People) -> None:
    with unit_of_work():
        directory.enroll(people.carol.org_id, people.bob.id, "admin")

    assert directory.person(people.alice.org_id, people.bob.id).role == "member"


def test_directory_person(people: People) -> None:
    with pytest.raises(NotFound):
        directory.person(people.carol.org_id, people.alice.id)


def test_directory_people(people: People) -> None:
    found = directory.people(people.carol.org_id, query="a")

    assert [member.user.name for member in found.items] == ["Carol", "Dora", "Pat"]


def test_directory_change(people: People) -> None:
    with pytest.raises(NotFound), unit_of_work():
        directory.change(people.carol.org_id, people.bob.id, {"role": "admin"})

    with unit_of_work():
        directory.change(people.carol.org_id, people.dora.id, {"role": "viewer"})
    assert directory.person(people.alice.org_id, people.dora.id).role == "member"


def test_directory_remove_and_leave(people: People) -> None:
    for away in (directory.remove, directory.leave):
        with pytest.raises(NotFound), unit_of_work():
            away(people.carol.org_id, people.bob.id)

    with unit_of_work():
        directory.remove(people.carol.org_id, people.dora.id)
    assert directory.person(people.alice.org_id, people.dora.id)
    assert teams.of_person(people.alice.org_id, people.dora.id)


def test_directory_open_sessions_and_end_sessions(people: People) -> None:
    for touch in (directory.open_sessions, directory.end_sessions):
        with pytest.raises(NotFound), unit_of_work():
            touch(people.carol.org_id, people.bob.id)
    assert directory.open_sessions(people.carol.org_id, people.dora.id) == []
    with unit_of_work():
        assert directory.end_sessions(people.carol.org_id, people.dora.id) == 0

    assert sessions.verify(people.dora.token)


def test_organizations_get_and_change_and_delete_are_asked_by_id(people: People) -> None:
    with unit_of_work():
        organizations.change(people.carol.org_id, {"name": "Globe"}, working_in="")
    assert organizations.get(people.alice.org_id).name == "Acme"

    with unit_of_work():
        organizations.delete(people.carol.org_id, working_in="")
    assert organizations.get(people.alice.org_id).name == "Acme"
    assert sessions.verify(people.alice.token)


def _invitation(org_id: str, email: str = "eve@example.com") -> InvitationView:
    by = Caller(org_id, "session", role="admin")
    with unit_of_work():
        return invitations.invite(org_id, email, by=by)


def test_invitations_invite(people: People) -> None:
    """The same e-mail may be invited by both; neither withdraws the other's."""
    by = Caller(people.carol.org_id, "session", role="admin")
    first = _invitation(people.alice.org_id)

    with pytest.raises(NotFound), unit_of_work():
        invitations.invite(
            people.carol.org_id, "eve@example.com", team_ids=[people.alice.team_id], by=by
        )
    _invitation(people.carol.org_id)

    assert invitations.read(first.token).org_name == "Acme"


def test_invitations_find_and_waiting(people: People) -> None:
    _invitation(people.alice.org_id)

    assert invitations.find(people.carol.org_id).items == []
    assert invitations.waiting(people.carol.org_id) == []
    assert len(invitations.waiting(people.alice.org_id)) == 1


def test_invitations_revoke(people: People) -> None:
    made = _invitation(people.alice.org_id)

    with pytest.raises(NotFound), unit_of_work():
        invitations.revoke(people.carol.org_id, made.invitation.id)

    assert invitations.read(made.token)


def test_accounts_profile_and_rename(people: People) -> None:
    with pytest.raises(NotFound):
        accounts.profile(people.carol.org_id, people.alice.id)
    with pytest.raises(NotFound), unit_of_work():
        accounts.rename(people.carol.org_id, people.alice.id, "Taken")

    assert accounts.profile(people.alice.org_id, people.alice.id).user.name == "Alice"


def test_sessions_of_member_and_end_of_member(people: People) -> None:
    assert sessions.of_member(people.carol.org_id, people.bob.id) == []
    with unit_of_work():
        assert sessions.end_of_member(people.carol.org_id, people.bob.id) == 0
        sessions.end_of_organization(people.carol.org_id)

    assert sessions.ids_of_organization(people.carol.org_id) == []
    assert providers.password_sessions(people.carol.org_id) == []
    assert sessions.verify(people.bob.token)


def test_teams_members_and_sizes(people: People) -> None:
    with pytest.raises(NotFound):
        teams.members(people.carol.org_id, people.alice.team_id)

    assert list(teams.sizes(people.carol.org_id)) == [people.carol.team_id]
    assert teams.of_person(people.carol.org_id, people.alice.id) == []


def test_teams_add_member(people: People) -> None:
    for team_id, user_id in (
        (people.alice.team_id, people.carol.id),
        (people.carol.team_id, people.alice.id),
    ):
        with pytest.raises(NotFound), unit_of_work():
            teams.add_member(people.carol.org_id, team_id, user_id)


def test_teams_remove_member(people: People) -> None:
    with pytest.raises(NotFound), unit_of_work():
        teams.remove_member(people.carol.org_id, people.alice.team_id, people.alice.id)

    assert sessions.verify(people.alice.token).team_ids


def test_directory_names(people: People) -> None:
    ids = [people.alice.id, people.carol.id]

    assert directory.names(people.carol.org_id, ids) == {people.carol.id: "Carol"}


def test_keys_names(people: People, key: KeyView) -> None:
    assert api_keys.names(people.carol.org_id) == {}
    assert api_keys.names(people.alice.org_id) == {key.key.id: "CI"}


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
            api_keys.issue(people.carol.org_id, "CI", **options)  # type: ignore[arg-type]


def test_keys_find(people: People, key: KeyView) -> None:
    assert api_keys.find(people.carol.org_id).items == []
    assert api_keys.find(people.carol.org_id, team_id=people.alice.team_id).items == []
    assert [view.key.id for view in api_keys.find(people.alice.org_id).items] == [key.key.id]


def test_keys_get(people: People, key: KeyView) -> None:
    with pytest.raises(NotFound):
        api_keys.get(people.carol.org_id, key.key.id)


def test_keys_change(people: People, key: KeyView) -> None:
    with pytest.raises(NotFound), unit_of_work():
        api_keys.change(people.carol.org_id, key.key.id, {"is_enabled": False})

    assert verifying.verify(key.plaintext)


def test_keys_rotate(people: People, key: KeyView) -> None:
    with pytest.raises(NotFound), unit_of_work():
        api_keys.rotate(people.carol.org_id, key.key.id)

    assert verifying.verify(key.plaintext)


def test_keys_delete(people: People, key: KeyView) -> None:
    with pytest.raises(NotFound), unit_of_work():
        api_keys.delete(people.carol.org_id, key.key.id)

    assert verifying.verify(key.plaintext)


def test_keys_mark_used(people: People, key: KeyView) -> None:
    with unit_of_work():
        key_secrets.mark_used({(people.carol.org_id, key.key.id, key.key.prefix): now()})

    session.expire_all()
    assert session.get_one(APIKey, key.key.id).last_used_at is None


def test_keys_finish_rotation(people: People, key: KeyView) -> None:
    with unit_of_work():
        api_keys.rotate(people.alice.org_id, key.key.id, overlap_minutes=5)

    with pytest.raises(NotFound), unit_of_work():
        api_keys.finish_rotation(people.carol.org_id, key.key.id)

    assert verifying.verify(key.plaintext)


def test_keys_forget_router(people: People, router_id: str) -> None:
    with unit_of_work():
        plaintext = api_keys.issue(people.alice.org_id, "CI", router_id=router_id).plaintext

    with unit_of_work():
        api_keys.forget_router(people.carol.org_id, router_id)

    assert verifying.verify(plaintext)


def test_key_views_of_all(people: People, key: KeyView) -> None:
    assert key_views.of_all(people.carol.org_id, [key.key]) == []


def test_leaks_check(people: People, key: KeyView) -> None:
    assert leaks.check(people.carol.org_id, key.plaintext)[0].view is None
    assert leaks.check(people.alice.org_id, key.plaintext)[0].view


@pytest.fixture
def virtual_key(people: People, stored_router: str) -> KeyView:
    """A virtual key of Acme, with a ceiling."""
    with unit_of_work():
        return virtual_keys.issue(
            people.alice.org_id, "Guest", router_id=stored_router, max_requests=5
        )


def test_virtual_keys_issue(people: People, stored_router: str) -> None:
    with pytest.raises(NotFound), unit_of_work():
        virtual_keys.issue(people.carol.org_id, "Guest", router_id=stored_router)
    with pytest.raises(NotFound), unit_of_work():
        virtual_keys.issue(
            people.alice.org_id, "Guest", router_id=stored_router, team_id=people.carol.team_id
        )


def test_virtual_keys_find_and_names(people: People, virtual_key: KeyView) -> None:
    assert virtual_keys.find(people.carol.org_id).items == []
    assert virtual_keys.names(people.carol.org_id) == {}
    assert virtual_keys.names(people.alice.org_id) == {virtual_key.key.id: "Guest"}


def test_virtual_keys_get_change_rotate_finish_rotation_and_delete(
    people: People, virtual_key: KeyView
) -> None:
    org_id, key_id = people.carol.org_id, virtual_key.key.id
    for action in (
        lambda: virtual_keys.get(org_id, key_id),
        lambda: virtual_keys.change(org_id, key_id, {"is_enabled": False}),
        lambda: virtual_keys.rotate(org_id, key_id),
        lambda: virtual_keys.finish_rotation(org_id, key_id),
        lambda: virtual_keys.delete(org_id, key_id),
    ):
        with pytest.raises(NotFound), unit_of_work():
            action()

    assert verifying.verify(virtual_key.plaintext)


def test_key_rows_own_find_change_check_routers_rotate_and_finish_rotation(
    people: People, key: KeyView, router_id: str
) -> None:
    org_id, key_id = people.carol.org_id, key.key.id
    for action in (
        lambda: key_rows.own(org_id, APIKey, key_id),
        lambda: key_rows.change(org_id, key.key, {"allowed_routers": [router_id]}),
        lambda: key_rows.check_routers(org_id, "", [router_id]),
        lambda: key_rows.rotate(org_id, APIKey, key_id),
        lambda: key_rows.finish_rotation(org_id, APIKey, key_id),
    ):
        with pytest.raises(NotFound), unit_of_work():
            action()

    assert key_rows.find(org_id, APIKey).items == []


def test_ceilings_keep_and_forget_gone(people: People, virtual_key: KeyView) -> None:
    with pytest.raises(NotFound), unit_of_work():
        ceilings.keep(
            people.carol.org_id, "virtual_key", virtual_key.key.id, requests=1, cost_usd=0
        )
    with unit_of_work():
        ceilings.forget_gone(people.carol.org_id)

    found = budgets.find(people.alice.org_id, scope_id=virtual_key.key.id).items
    assert [budget.amount for budget in found] == [5]


def test_limits_get_and_set(people: People) -> None:
    for change in (limits.get, limits.set):
        with pytest.raises(NotFound), unit_of_work():
            change(people.carol.org_id, "team", people.alice.team_id)
        with pytest.raises(NotFound), unit_of_work():
            change(people.carol.org_id, "organization", people.alice.org_id)


def test_limits_find_views_and_clear(people: People) -> None:
    with unit_of_work():
        limits.set(people.alice.org_id, "team", people.alice.team_id, requests_per_minute=5)

    with unit_of_work():
        limits.clear(people.carol.org_id, "team", people.alice.team_id)

    found = limits.find(people.alice.org_id).items
    assert len(found) == 1
    assert limits.find(people.carol.org_id).items == []
    assert limits.views(people.carol.org_id, found) == []


def test_what_applies_to_a_router(people: People, stored_router: str) -> None:
    with unit_of_work():
        limits.set(people.alice.org_id, "router", stored_router, requests_per_minute=5)
        columns = {"name": "R", "amount": Decimal("1e-9"), "unit": "usd", "period": "total"}
        own = budgets.create(people.alice.org_id, "router", stored_router, columns)
    write(entry(people.alice.org_id, router_id=stored_router))
    alice, carol = people.alice.org_id, people.carol.org_id

    assert budgets.of_router(alice, stored_router) == budgets.half_used(alice) == [own]
    assert budgets.of_router(carol, stored_router) == budgets.half_used(carol) == []
    assert limits.on_router(alice, stored_router) == {"router": ["5 requests a minute"]}
    assert limits.on_router(carol, stored_router) == {}
    assert [each.id for each in budget_views.on_router(alice, stored_router)] == [own.id]
    assert budget_views.on_router(carol, stored_router) == []
    assert [each.id for each in budget_views.nearly_used(alice)] == [own.id]
    assert budget_views.nearly_used(carol) == []


BUDGET = {"name": "Day", "amount": Decimal(9), "unit": "usd", "period": "day"}


@pytest.fixture
def budget(people: People) -> Budget:
    """Acme's, of its default team."""
    with unit_of_work():
        return budgets.create(people.alice.org_id, "team", people.alice.team_id, BUDGET)


def test_budgets_create_and_set_cap(people: People) -> None:
    org_id, team_id = people.carol.org_id, people.alice.team_id
    for scope, scope_id in (("team", team_id), ("organization", people.alice.org_id)):
        with pytest.raises(NotFound), unit_of_work():
            budgets.create(org_id, scope, scope_id, BUDGET)
    with pytest.raises(NotFound), unit_of_work():
        budgets.set_cap(org_id, "team", team_id, "usd", amount=Decimal(1), period="day")

    assert budgets.find(people.alice.org_id).items == []


def test_budgets_get_change_raise_until_and_delete_and_balance_of(
    people: People, budget: Budget
) -> None:
    org_id, budget_id = people.carol.org_id, budget.id
    for action in (
        lambda: budgets.get(org_id, budget_id),
        lambda: budgets.change(org_id, budget_id, {"amount": Decimal(1000)}),
        lambda: budgets.raise_until(org_id, budget_id, Decimal(1000), now()),
        lambda: budgets.delete(org_id, budget_id),
        lambda: balance.of(org_id, budget_id),
    ):
        with pytest.raises(NotFound), unit_of_work():
            action()

    session.expire_all()
    kept = budgets.get(people.alice.org_id, budget_id)
    assert (kept.amount, kept.raised_by) == (budget.amount, 0)


def test_budgets_forget_scope_and_balance_check(people: People, budget: Budget) -> None:
    with unit_of_work():
        budgets.forget_scope(people.carol.org_id, "team", people.alice.team_id)

    assert budgets.find(people.alice.org_id).meta.total == 1
    assert balance.check(people.carol.org_id) == []
    assert [each.budget.id for each in balance.check(people.alice.org_id)] == [budget.id]


@pytest.mark.parametrize("scope", ["organization", "team", "router", "api_key", "virtual_key"])
def test_scoped_check_names_and_choices(
    people: People, key: KeyView, virtual_key: KeyView, stored_router: str, scope: str
) -> None:
    org_id, other = people.alice.org_id, people.carol.org_id
    ids = {"organization": org_id, "team": people.alice.team_id, "router": stored_router}
    scope_id = {**ids, "api_key": key.key.id, "virtual_key": virtual_key.key.id}[scope]

    scoped.check(org_id, scope, scope_id)
    with pytest.raises(NotFound):
        scoped.check(other, scope, scope_id)
    assert scoped.names(other, scope, [scope_id]) == {}
    assert scope_id in dict(scoped.choices(org_id, scope))
    assert scope_id not in dict(scoped.choices(other, scope))


def test_teams_names(people: People) -> None:
    assert list(teams.names(people.carol.org_id)) == [people.carol.team_id]


def test_accounts_change_password(people: People) -> None:
    with pytest.raises(NotFound), unit_of_work():
        accounts.change_password(
            people.carol.org_id,
            people.alice.id,
            old=PASSWORD,
            new="another long password",
            device=sessions.Device("api"),
        )

    assert sessions.verify(people.alice.token)


@pytest.fixture
def identity_provider(people: People) -> SsoProvider:
    """Acme's provider."""
    with unit_of_work():
        return providers.add(
            people.alice.org_id, {"kind": "google", "name": "Google", "client_id": "acme"}
        )


def test_sso_add_and_find(people: People, identity_provider: SsoProvider) -> None:
    assert providers.find(people.carol.org_id) == []
    assert providers.find(people.carol.org_id, is_platform_admin=True) == []
    assert providers.find(people.alice.org_id) == [identity_provider]


def test_sso_get_change_delete_probe(people: People, identity_provider: SsoProvider) -> None:
    org_id, provider_id = people.carol.org_id, identity_provider.id
    for is_platform_admin in (False, True):
        with pytest.raises(NotFound):
            providers.get(org_id, provider_id, is_platform_admin=is_platform_admin)
        with pytest.raises(NotFound):
            providers.probe(org_id, provider_id, is_platform_admin=is_platform_admin)
        with pytest.raises(NotFound), unit_of_work():
            providers.change(
                org_id, provider_id, {"name": "Taken"}, is_platform_admin=is_platform_admin
            )
        with pytest.raises(NotFound), unit_of_work():
            providers.delete(org_id, provider_id, is_platform_admin=is_platform_admin)

    assert providers.get(people.alice.org_id, provider_id).name == "Google"


def test_sso_require_and_is_required(people: People, identity_provider: SsoProvider) -> None:
    with unit_of_work():
        providers.require(people.alice.org_id, is_required=True)

    assert providers.is_required(people.alice.org_id)
    assert not providers.is_required(people.carol.org_id)
    globex = session.get_one(Organization, people.carol.org_id)
    dora = session.get_one(User, people.dora.id)
    assert providers.refusal(f"sso:{identity_provider.id}", dora, globex) != ""


def test_sso_groups_add_find_delete(people: People) -> None:
    with pytest.raises(NotFound), unit_of_work():
        groups.add(people.carol.org_id, "staff", team_id=people.alice.team_id)
    with unit_of_work():
        mapping = groups.add(people.alice.org_id, "staff", role="viewer")

    with pytest.raises(NotFound), unit_of_work():
        groups.delete(people.carol.org_id, mapping.id)

    assert groups.find(people.carol.org_id) == []
    assert groups.find(people.alice.org_id) == [mapping]


def test_sso_groups_apply(people: People) -> None:
    with unit_of_work():
        groups.add(people.alice.org_id, "staff", role="viewer")
        groups.apply(people.carol.org_id, people.dora.id, ["staff"], default_role="member")

    assert directory.person(people.carol.org_id, people.dora.id).role == "admin"
    with pytest.raises(NotFound), unit_of_work():
        groups.apply(people.carol.org_id, people.bob.id, ["staff"], default_role="member")


def test_setup_takes_over_nothing(people: People) -> None:
    assert not setup.is_required()


def test_reconciliation_compare(people: People) -> None:
    write(entry(people.alice.org_id, "1", at=1790553600, model_id="mdl_1", provider="OPENAI"))

    def ours(org_id: str) -> int:
        bill = provider_csv.read(as_file("date,model,tokens\n2026-09-28,mdl_1,10\n"))
        return reconciliation.compare(org_id, bill, provider="openai").total.ours.requests

    assert (ours(people.alice.org_id), ours(people.carol.org_id)) == (1, 0)


def test_shares_keep(people: People, router_id: str) -> None:
    share = Share(Decimal(1), "daily")

    with pytest.raises(NotFound), unit_of_work():
        shares.keep(people.carol.org_id, router_id, {people.carol.team_id: share})
    with unit_of_work():
        shares.keep(people.alice.org_id, router_id, {people.carol.team_id: share})

    assert budgets.find(people.alice.org_id).items == []
    assert budgets.find(people.carol.org_id).items == []
