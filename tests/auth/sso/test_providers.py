"""Identity providers: who manages them, where their secrets go, and that nobody is locked out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from hyperstrate.auth.models import Organization, Session, SsoProvider, User
from hyperstrate.auth.people import directory, sessions
from hyperstrate.auth.people.sessions import Device
from hyperstrate.auth.runtime import runtime, use
from hyperstrate.auth.sso import providers as sso
from hyperstrate.observability.models import AuditLog
from hyperstrate.shared import crypto
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import BadRequest, Conflict, NotFound, Unauthorized
from tests.auth.sso.desk import Desk, provider_of
from tests.auth.sso.idp import Idp
from tests.people import People

GITHUB = {"kind": "github", "name": "GitHub", "client_id": "gh", "client_secret": "s"}


def test_the_secret_is_encrypted_and_used(desk: Desk) -> None:
    row = session.get_one(SsoProvider, desk.provider.id)

    assert "our secret" not in row.client_secret
    assert crypto.decrypt(row.client_secret) == "our secret + %"
    assert "our secret" not in repr(sso.usable(row.id))


@pytest.mark.parametrize(
    ("kind", "issuer"),
    [("google", "https://accounts.google.com"), ("github", "https://github.com")],
)
def test_presets_need_little(people: People, kind: str, issuer: str) -> None:
    with unit_of_work():
        row = sso.add(people.alice.org_id, {**GITHUB, "kind": kind})

    assert row.issuer == issuer
    assert row.scopes


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "oidc"}, "issuer"),
        ({"kind": "oidc", "issuer": "ftp://idp.example"}, "issuer"),
        ({"kind": "oidc", "issuer": "http://169.254.169.254/"}, "issuer"),
        ({"kind": "oidc", "issuer": "https://idp.example/?x#y"}, "issuer"),
        ({"kind": "google", "issuer": "https://idp.example"}, "issuer"),
        ({"kind": "oidc", "issuer": "https://idp.example", "scopes": "email"}, "scopes"),
    ],
)
def test_nonsense_is_refused_by_field(people: People, values: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as refused, unit_of_work():
        sso.add(people.alice.org_id, {**GITHUB, **values})

    assert list(refused.value.fields) == [field]


def test_the_address_of_the_discovery_is_as_good_as_the_issuer(people: People, idp: Idp) -> None:
    url = f"{idp.issuer}/.well-known/openid-configuration"

    assert provider_of(people.alice.org_id, idp, issuer=url).issuer == idp.issuer


@pytest.mark.parametrize("change", [{"issuer": "https://evil.example"}, {"client_id": "other"}])
def test_a_stored_secret_goes_to_no_other_place_lesson_a(
    desk: Desk, people: People, change: dict[str, str]
) -> None:
    with pytest.raises(BadRequest) as refused, unit_of_work():
        sso.change(people.alice.org_id, desk.provider.id, change)

    assert "clientSecret" in refused.value.fields
    with unit_of_work():
        sso.change(people.alice.org_id, desk.provider.id, {**change, "client_secret": "new"})


def test_an_empty_secret_keeps_the_one_before(desk: Desk, people: People) -> None:
    with unit_of_work():
        sso.change(people.alice.org_id, desk.provider.id, {"client_secret": "", "name": "New"})

    assert sso.usable(desk.provider.id).client_secret == "our secret + %"


def test_a_disabled_provider_opens_nothing(desk: Desk, people: People) -> None:
    with unit_of_work():
        sso.change(people.alice.org_id, desk.provider.id, {"is_enabled": False})

    with pytest.raises(NotFound):
        sso.usable(desk.provider.id)
    assert sso.buttons() == []


def test_a_disabled_provider_stops_a_sign_in_under_way(desk: Desk, people: People) -> None:
    answer = desk.idp.authorize(desk.leave())
    with unit_of_work():
        sso.change(people.alice.org_id, desk.provider.id, {"is_enabled": False})

    desk.refused(desk.arrive(answer), "switched off")


def test_an_organization_locks_nobody_out(desk: Desk, people: People) -> None:
    org_id = people.alice.org_id
    with pytest.raises(Conflict), unit_of_work():
        sso.require(people.carol.org_id, is_required=True)

    with unit_of_work():
        sso.require(org_id, is_required=True)

    with pytest.raises(Conflict), unit_of_work():
        sso.delete(org_id, desk.provider.id)
    with pytest.raises(Conflict), unit_of_work():
        sso.change(org_id, desk.provider.id, {"is_enabled": False})
    with unit_of_work():
        sso.require(org_id, is_required=False)
        sso.delete(org_id, desk.provider.id)


def test_a_password_opens_for_platform_admins_only(desk: Desk, people: People) -> None:
    with unit_of_work():
        sso.require(people.alice.org_id, is_required=True)
    acme = session.get_one(Organization, people.alice.org_id)
    bob, pat = (session.get_one(User, person.id) for person in (people.bob, people.pat))

    assert "single sign-on" in sso.refusal("password", bob, acme)
    assert sso.refusal("password", pat, acme) == ""
    assert sso.refusal(f"sso:{desk.provider.id}", bob, acme) == ""
    assert sso.refusal("sso:of-the-past", bob, acme) != ""


def test_requiring_single_sign_on_ends_what_passwords_began(desk: Desk, people: People) -> None:
    desk.idp.claims = {"email": people.bob.email}
    desk.come_back()
    with unit_of_work():
        directory.enroll(people.alice.org_id, people.pat.id, "member")
        pat = sessions.begin(people.pat.id, people.alice.org_id, Device("browser"))
    doomed = sso.password_sessions(people.alice.org_id)

    with unit_of_work():
        sso.require(people.alice.org_id, is_required=True)

    ended = session.scalars(select(Session.id).where(Session.revoked_at.is_not(None))).all()
    assert sorted(ended) == sorted(doomed)
    assert len(doomed) == 4
    with pytest.raises(Unauthorized):
        sessions.verify(people.bob.token)
    assert sessions.owner(pat.id).user_id == people.pat.id
    assert desk.who()["id"] == people.bob.id
    assert sessions.verify(people.carol.token)
    assert sso.password_sessions(people.alice.org_id) == []
    [kept] = session.scalars(select(AuditLog).where(AuditLog.action == "require_sso"))
    assert (kept.org_id, kept.resource_id) == (people.alice.org_id, people.alice.org_id)
    assert '"ended_sessions":4' in kept.details.replace(" ", "")


def test_probe_tells_what_the_provider_says(desk: Desk, people: People) -> None:
    found = sso.probe(people.alice.org_id, desk.provider.id)

    assert found is not None
    assert found.issuer == desk.idp.issuer


def test_the_environment_names_a_provider(app: Flask, idp: Idp, people: People) -> None:
    config = replace(
        runtime().config,
        oidc_discovery_url=f"{idp.issuer}/.well-known/openid-configuration",
        oidc_client_id="our-client",
        oidc_client_secret="our secret + %",
        oidc_providers=("google",),
    )
    use(replace(runtime(), config=config))
    idp.claims = {"email": people.bob.email}
    desk = Desk(app, idp, SsoProvider(id=sso.ENVIRONMENT))

    assert desk.come_back().status_code == 303

    assert desk.who()["id"] == people.bob.id
    assert [(it.id, it.type) for it in sso.public_list()] == [
        ("environment", "oidc"),
        ("", "google"),
    ]
