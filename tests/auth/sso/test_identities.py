"""Whose account a provider opens: never that of an organization which is not its own."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from hyperstrate.auth.models import Identity, Invitation, Organization
from hyperstrate.auth.people import directory, invitations, organizations
from hyperstrate.auth.sso import providers
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.guards import Caller
from tests.auth.sso.desk import Desk, provider_of
from tests.auth.sso.idp import Idp
from tests.people import People, Person


def _admin(person: Person) -> Caller:
    return Caller(person.org_id, "session", user_id=person.id, email=person.email, role="admin")


def _invite(by: Person, email: str, **options: object) -> Invitation:
    with unit_of_work():
        return invitations.invite(by.org_id, email, by=_admin(by), **options).invitation  # type: ignore[arg-type]


def test_a_member_is_linked_by_e_mail_once(desk: Desk, people: People) -> None:
    desk.idp.claims = {"email": people.bob.email}

    desk.come_back()

    assert desk.who()["id"] == people.bob.id
    identity = session.scalars(select(Identity)).one()
    assert (identity.user_id, identity.issuer) == (people.bob.id, desk.idp.issuer)


def test_a_second_issuer_takes_no_account_of_an_organization_that_is_not_its_own(
    app: Flask, idp: Idp, people: People
) -> None:
    theirs = Desk(app, idp, provider_of(people.carol.org_id, idp, name="Globex login"))

    for email in (people.alice.email, people.dora.email, people.pat.email):
        idp.claims = {"email": email, "sub": f"evil-{email}"}
        theirs.refused(theirs.come_back(), "You are not signed in")

    assert session.scalars(select(Identity)).all() == []


def test_an_invitation_lets_no_foreign_provider_take_the_account(
    app: Flask, idp: Idp, people: People
) -> None:
    _invite(people.carol, people.alice.email)
    theirs = Desk(app, idp, provider_of(people.carol.org_id, idp))
    idp.claims = {"email": people.alice.email}

    theirs.refused(theirs.come_back(), "an account in another organization")


def test_another_account_with_the_same_e_mail_is_not_let_in(desk: Desk, people: People) -> None:
    desk.idp.claims = {"email": people.bob.email}
    desk.come_back()

    desk.idp.claims = {"email": people.bob.email, "sub": "sub-2"}
    desk.idp.userinfo = {"sub": "sub-2"}
    other = Desk(desk.app, desk.idp, desk.provider)

    other.refused(other.come_back(), "belonged to another account")


def test_a_session_of_an_organizations_provider_opens_no_other_organization(
    desk: Desk, people: People
) -> None:
    desk.come_back()
    user_id = desk.who()["id"]
    with unit_of_work():
        directory.enroll(people.carol.org_id, user_id, "admin")
    desk.browser.get("/app/login", follow_redirects=True)

    answer = desk.browser.client.post(
        "/auth/switch",
        json={"orgId": people.carol.org_id},
        headers={"X-CSRFToken": desk.browser.csrf_token},
    )

    assert answer.status_code == 403, answer.text
    assert "cannot open this organization" in answer.text


def test_a_provider_of_the_installation_opens_whatever_account(
    app: Flask, idp: Idp, people: People
) -> None:
    desk = Desk(app, idp, provider_of(people.pat.org_id, idp, is_of_installation=True))
    idp.claims = {"email": people.pat.email}

    desk.come_back()

    assert desk.who()["id"] == people.pat.id


def test_a_stranger_needs_an_invitation_where_there_are_several_organizations(
    app: Flask, idp: Idp, people: People
) -> None:
    desk = Desk(app, idp, provider_of(people.pat.org_id, idp, is_of_installation=True))
    desk.refused(desk.come_back(), "ask an admin for an invitation")

    invitation = _invite(
        people.alice, "dana@example.com", role="viewer", team_ids=[people.alice.team_id]
    )
    desk.come_back()

    who = desk.who()
    assert (who["orgId"], who["role"]) == (people.alice.org_id, "viewer")
    session.expire_all()
    assert session.get_one(Invitation, invitation.id).accepted_at is not None


def test_a_stranger_comes_to_the_only_organization(app: Flask, idp: Idp, people: People) -> None:
    provider = provider_of(people.alice.org_id, idp, is_of_installation=True)
    with unit_of_work():
        organizations.delete(people.carol.org_id, working_in=people.alice.org_id)
    desk = Desk(app, idp, provider)

    answer = desk.come_back()

    assert answer.status_code == 303, answer.text

    assert desk.who()["orgId"] == people.alice.org_id


def test_an_old_invitation_counts_no_more(app: Flask, idp: Idp, people: People) -> None:
    desk = Desk(app, idp, provider_of(people.alice.org_id, idp, default_role=""))
    invitation = _invite(people.alice, "dana@example.com")
    with unit_of_work():
        session.get_one(Invitation, invitation.id).expires_at = now() - timedelta(seconds=1)

    desk.refused(desk.come_back(), "only people with an invitation")


def test_who_was_removed_comes_back_by_invitation_alone(desk: Desk, people: People) -> None:
    desk.come_back()
    user_id = desk.who()["id"]
    with unit_of_work():
        directory.remove(people.alice.org_id, user_id)
    assert desk.who() == {}

    desk.refused(desk.come_back(), "your account was removed")
    _invite(people.alice, "dana@example.com")
    desk.come_back()

    assert desk.who()["email"] == "dana@example.com"


def test_who_is_disabled_stays_out(desk: Desk, people: People) -> None:
    desk.come_back()
    user_id = desk.who()["id"]
    with unit_of_work():
        directory.change(people.alice.org_id, user_id, {"is_enabled": False})

    desk.refused(desk.come_back(), "disabled")


def test_a_disabled_organization_lets_nobody_in(desk: Desk, people: People) -> None:
    with unit_of_work():
        session.get_one(Organization, people.alice.org_id).is_enabled = False

    answer = desk.browser.get(f"/auth/sso/{desk.provider.id}/start")

    assert answer.status_code == 404


def test_other_domains_stay_out(app: Flask, idp: Idp, people: People) -> None:
    domains = ["acme.test", "Example.com"]
    desk = Desk(app, idp, provider_of(people.alice.org_id, idp, domains=domains))

    assert desk.come_back().status_code == 303
    idp.claims = {"email": "dana@acme.test.evil.example", "sub": "sub-2"}
    idp.userinfo = {"sub": "sub-2"}
    other = Desk(app, idp, desk.provider)
    other.refused(other.come_back(), "lets nobody of acme.test.evil.example in")


def test_a_platform_admin_is_opened_by_no_organizations_provider(
    app: Flask, idp: Idp, people: People
) -> None:
    desk = Desk(app, idp, provider_of(people.pat.org_id, idp))
    idp.claims = {"email": people.pat.email}

    desk.refused(desk.come_back(), "a platform admin signs in")


def test_where_single_sign_on_is_required_a_password_opens_nothing(
    desk: Desk, people: People
) -> None:
    with unit_of_work():
        providers.require(people.alice.org_id, is_required=True)
    login = {"email": people.bob.email, "password": people.bob.password}

    answer = desk.browser.client.post("/auth/login", json=login)

    assert answer.status_code == 401
    assert "wants single sign-on" in answer.text
    assert desk.come_back().status_code == 303
