"""Sign-in by a provider: the way there and back, and every lie that it may be told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import orjson
import pytest
from cryptography.fernet import Fernet
from flask import Flask
from joserfc import jwt
from sqlalchemy import select

from hyperstrate.auth.models import Identity, Session, User
from hyperstrate.auth.runtime import runtime, use
from hyperstrate.auth.sso import claims as oidc_claims
from hyperstrate.auth.sso import groups
from hyperstrate.auth.sso.web import Web
from hyperstrate.observability.models import AuditLog
from hyperstrate.shared import crypto, sealed
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.db import session, unit_of_work
from tests import answers
from tests.auth.sso.desk import Desk
from tests.auth.sso.idp import key, unsigned
from tests.people import Browser, People
from tests.upstreams import Answer


def test_a_newcomer_becomes_a_member_and_goes_where_they_wanted(desk: Desk, people: People) -> None:
    answer = desk.arrive(desk.idp.authorize(desk.leave("/app/logs?page=2")))

    assert (answer.status_code, answer.location) == (303, "/app/logs?page=2")
    who = desk.who()
    assert (who["email"], who["name"], who["role"]) == ("dana@example.com", "Dana", "member")
    assert who["orgId"] == people.alice.org_id
    signed = session.scalars(select(Session).where(Session.user_id == who["id"])).one()
    assert signed.method == f"sso:{desk.provider.id}"


def test_the_same_account_is_the_same_person_whatever_its_e_mail_says_later(desk: Desk) -> None:
    desk.come_back()
    first = desk.who()["id"]

    desk.idp.claims = {"email": "dana.new@example.com"}
    desk.come_back()

    assert desk.who()["id"] == first


def test_what_is_bound_to_the_sign_in_is_random_each_time(desk: Desk) -> None:
    asked = [desk.leave().split("?")[1].split("&") for _ in range(2)]

    for name in ("state", "nonce", "code_challenge"):
        values = {next(part for part in parts if part.startswith(f"{name}=")) for parts in asked}
        assert len(values) == 2


def test_goes_to_no_foreign_page_afterwards(desk: Desk) -> None:
    answer = desk.arrive(desk.idp.authorize(desk.leave("https://evil.example/")))

    assert answer.location == "/app"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"aud": "somebody-else"}, "another application (aud)"),
        ({"aud": ["our-client", "b"], "azp": "b"}, "another application (azp)"),
        ({"nonce": "of another sign-in"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": 1}, "has expired"),
        ({"email": None}, "no e-mail address"),
        ({"email_verified": False}, "was not verified"),
        ({"email_verified": None}, "was not verified"),
    ],
)
def test_a_token_that_lies_opens_nothing(desk: Desk, claims: dict[str, Any], why: str) -> None:
    desk.idp.claims = claims

    desk.refused(desk.come_back(), why)

    assert session.scalar(select(User).where(User.email == "dana@example.com")) is None


def _hs256(claims: dict[str, Any]) -> str:
    """Signed with the public key as if it were a secret."""

    def part(given: object) -> str:
        return base64.urlsafe_b64encode(orjson.dumps(given)).rstrip(b"=").decode()

    signed = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(claims)}"
    mac = hmac.new(key("one").as_pem(private=False), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (unsigned, "its signature must be one of"),
        (_hs256, "its signature must be one of"),
        (lambda claims: "not.a.token", "no signed token"),
        (lambda claims: "x" * 70_000, "no signed token"),
    ],
)
def test_a_forged_signature_opens_nothing(
    desk: Desk, forge: Callable[[dict[str, Any]], str], why: str
) -> None:
    desk.idp.token = forge

    desk.refused(desk.come_back(), why)


def test_a_key_of_somebody_else_opens_nothing(desk: Desk) -> None:
    desk.idp.token = lambda claims: desk.idp.sign(claims, kid="theirs")
    desk.refused(desk.come_back(), "does not publish")

    desk.idp.token = lambda claims: jwt.encode({"alg": "RS256", "kid": "one"}, claims, key("two"))
    desk.refused(desk.come_back(), "not one of the provider")


def test_a_new_key_is_fetched_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.come_back()
    monkeypatch.setattr("hyperstrate.auth.sso.web.REFETCH_AFTER_S", -1)
    keys = [key("one").as_dict(private=False), key("two").as_dict(private=False)]
    desk.idp.pages["/jwks"] = lambda _: answers.json({"keys": keys})
    desk.idp.token = lambda claims: desk.idp.sign(claims, kid="two")

    answer = desk.come_back()

    assert answer.status_code == 303
    assert desk.idp.asked("/jwks") == 2


def test_a_state_is_good_once_and_for_its_browser(desk: Desk, app: Flask) -> None:
    answer = desk.idp.authorize(desk.leave())
    stranger = Desk(app, desk.idp, desk.provider)
    kept = desk.browser.client.get_cookie("hyperstrate")
    assert kept is not None

    stranger.refused(stranger.arrive(answer), "not begun in this browser")
    assert desk.arrive(answer).status_code == 303
    desk.browser = Browser(app)
    desk.browser.client.set_cookie("hyperstrate", kept.value)
    desk.refused(desk.arrive(answer), "not begun in this browser")


@pytest.mark.parametrize("state", ["", "made-up", "x" * 5000])
def test_a_made_up_state_opens_nothing(desk: Desk, state: str) -> None:
    desk.refused(desk.come_back(state=state), "not begun in this browser")


def test_a_state_is_good_for_ten_minutes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = desk.idp.authorize(desk.leave())
    later = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: later)

    answered = desk.arrive(answer)

    monkeypatch.undo()
    desk.refused(answered, "took too long")


def test_an_answer_of_another_provider_is_refused(desk: Desk) -> None:
    desk.refused(desk.come_back(iss="https://evil.example"), "another provider (iss)")


def test_an_answer_without_its_giver_is_refused_where_the_provider_always_names_it(
    desk: Desk,
) -> None:
    answer = desk.idp.authorize(desk.leave())
    del answer["iss"]

    desk.refused(desk.arrive(answer), "does not say who gave it")


def test_a_no_of_the_provider_is_told_without_markup(desk: Desk) -> None:
    answer = desk.come_back(code="", error="access_denied", error_description="<b>not you</b>")

    desk.refused(answer, "access_denied &lt;b&gt;not you")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks"])
@pytest.mark.parametrize(
    "answer",
    [
        answers.html(),
        answers.html(500),
        answers.json([]),
        answers.json({"keys": "none", "issuer": 7}),
        answers.json({}, 302, {"location": "http://169.254.169.254/latest/meta-data"}),
        answers.body(b'{"a": "' + b"x" * 2**21),
        answers.reset(),
    ],
    ids=["HTML", "500", "a list", "wrong types", "a redirect", "huge", "reset"],
)
def test_a_provider_that_answers_nonsense_is_told(desk: Desk, path: str, answer: Answer) -> None:
    desk.idp.pages[path] = lambda _: answer
    begun = desk.browser.get(f"/auth/sso/{desk.provider.id}/start")
    if begun.status_code == 303:
        begun = desk.arrive(desk.idp.authorize(str(begun.location)))

    desk.refused(begun, "")

    assert begun.status_code in (401, 502)
    assert not any("169.254" in request.path for request in desk.idp.server.requests)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks"])
def test_a_provider_that_is_silent_is_told(desk: Desk, path: str) -> None:
    desk.idp.pages[path] = lambda _: answers.silent()

    with closing(Web(AddressRules(("127.0.0.1",)), timeout_s=0.3)) as web:
        use(replace(runtime(), web=web))
        begun = desk.browser.get(f"/auth/sso/{desk.provider.id}/start")
        if begun.status_code == 303:
            begun = desk.arrive(desk.idp.authorize(str(begun.location)))

    desk.refused(begun, "could not be asked")


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://169.254.169.254/token"},
        {"jwks_uri": "http://10.0.0.1/keys"},
        {"token_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"userinfo_endpoint": 7},
    ],
)
def test_a_discovery_that_leads_astray_is_refused(desk: Desk, metadata: dict[str, Any]) -> None:
    desk.idp.metadata = metadata
    begun = desk.browser.get(f"/auth/sso/{desk.provider.id}/start")
    if begun.status_code == 303:
        begun = desk.arrive(desk.idp.authorize(str(begun.location)))

    desk.refused(begun, "")

    assert begun.status_code == 502


def test_asks_the_userinfo_for_what_the_token_does_not_say(desk: Desk) -> None:
    desk.idp.claims = {"email": None, "email_verified": None}
    desk.idp.userinfo = {"sub": "sub-1", "email": "dana@example.com", "email_verified": True}

    assert desk.come_back().status_code == 303
    assert desk.who()["email"] == "dana@example.com"
    assert desk.idp.server.requests[-1].headers["authorization"] == "Bearer at"


def test_a_userinfo_of_somebody_else_is_refused(desk: Desk) -> None:
    desk.idp.claims = {"email": None}
    desk.idp.userinfo = {"sub": "other", "email": "alice@example.com", "email_verified": True}

    desk.refused(desk.come_back(), "somebody else")


def test_the_userinfo_does_not_verify_the_e_mail_of_the_token(desk: Desk) -> None:
    desk.idp.claims = {"email": "alice@example.com", "email_verified": None}
    desk.idp.userinfo = {"sub": "sub-1", "email": "eve@example.com", "email_verified": True}

    desk.refused(desk.come_back(), "was not verified")


@pytest.mark.parametrize("provider_id", ["unknown", "x" * 300, "%00", "environment"])
def test_an_unknown_provider_is_told(desk: Desk, provider_id: str) -> None:
    answer = desk.browser.get(f"/auth/sso/{provider_id}/start")

    assert answer.status_code == 404
    assert "does not exist" in answer.text


def test_an_id_token_of_a_good_age_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc_claims, "CLOCK_SKEW_S", 0)
    now = int(time.time())
    desk.idp.claims = {"iat": now - 1000, "exp": now + 1000}

    desk.refused(desk.come_back(), "long ago")


def test_signs_out_at_the_provider_too(desk: Desk) -> None:
    desk.come_back()
    desk.browser.get("/app/sso")
    desk.browser.get("/app/login", follow_redirects=True)

    answer = desk.browser.post("/app/logout")

    assert answer.status_code == 200, answer.text
    away = answer.headers["Refresh"]
    assert f"{desk.idp.issuer}/logout?client_id=our-client" in away
    assert "id_token_hint=ey" in away
    assert "post_logout_redirect_uri=http%3A%2F%2Flocalhost%2Fapp%2Flogin" in away
    assert desk.who() == {}


def test_signs_out_when_the_key_of_what_was_remembered_is_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.come_back()
    desk.browser.get("/app/login", follow_redirects=True)
    monkeypatch.setattr(crypto, "_keys", crypto._keys)
    newest = Fernet.generate_key().decode()
    crypto.configure([newest, *runtime().config.secret_keys])
    list(sealed.reseal())
    crypto.configure([newest])

    answer = desk.browser.post("/app/logout")

    assert "id_token_hint" not in answer.headers["Refresh"]
    assert desk.who() == {}


def test_signs_out_here_when_the_provider_is_away(desk: Desk) -> None:
    desk.come_back()
    desk.browser.get("/app/login", follow_redirects=True)
    desk.idp.server.always(answers.html(500))
    runtime().web.forget(f"{desk.idp.issuer}/.well-known/openid-configuration")
    answer = desk.browser.post("/app/logout")

    assert answer.location == "/app/login"
    assert desk.who() == {}


def test_nothing_of_the_sign_in_is_readable_in_the_cookie(desk: Desk) -> None:
    desk.leave("/app/logs")

    with desk.browser.client.session_transaction() as kept:
        text = str(dict(kept))
    assert "/app/logs" not in text
    assert desk.provider.id not in text


def test_a_browser_keeps_few_sign_ins(desk: Desk) -> None:
    for _ in range(6):
        desk.leave()

    with desk.browser.client.session_transaction() as kept:
        assert len(kept["sso"]) == 3


def test_two_browsers_that_come_first_at_once_make_one_person(desk: Desk, app: Flask) -> None:
    other = Desk(app, desk.idp, desk.provider)

    desk.come_back()
    other.come_back()

    assert desk.who()["id"] == other.who()["id"]
    assert len(session.scalars(select(Identity)).all()) == 1


def _audited(outcome: str) -> list[tuple[str, dict[str, Any]]]:
    """The sign-ins in the books: who, and the details."""
    wanted = select(AuditLog).where(AuditLog.action == "sign_in", AuditLog.outcome == outcome)
    rows = session.scalars(wanted.order_by(AuditLog.seq)).all()
    return [(row.org_id, orjson.loads(row.details)) for row in rows]


def test_a_sign_in_stands_in_the_books_with_what_its_groups_did(desk: Desk, people: People) -> None:
    with unit_of_work():
        groups.add(people.alice.org_id, "readers", role="viewer")
    desk.idp.claims = {"groups": ["readers", "nobody knows"]}

    desk.come_back()

    [(org_id, detail)] = _audited("success")
    assert org_id == people.alice.org_id
    assert detail["email"] == "dana@example.com"
    assert detail["groups_ignored"] == ["nobody knows"]
    assert detail["role"] == "viewer"


def test_a_refusal_stands_in_the_books(desk: Desk, people: People) -> None:
    desk.idp.claims = {"email_verified": False}

    desk.come_back()

    [(org_id, detail)] = _audited("refused")
    assert org_id == people.alice.org_id
    assert "was not verified" in detail["reason"]
    assert detail["method"] == f"sso:{desk.provider.id}"


def test_a_provider_that_is_down_stands_in_the_books(desk: Desk) -> None:
    desk.idp.pages["/token"] = lambda _: answers.html(500)

    desk.come_back()

    [(_, detail)] = _audited("refused")
    assert "did not answer with tokens" in detail["reason"]
