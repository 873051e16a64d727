"""GitHub: who somebody is says its API, and only the verified primary e-mail counts."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.sso import github as oidc_github
from hyperstrate.auth.sso.claims import Untrusted
from hyperstrate.auth.sso.oidc import Errand, Provider
from hyperstrate.auth.sso.web import ProviderFailed
from tests import answers
from tests.auth.sso.idp import Idp
from tests.upstreams import Answer, Request

ERRAND = Errand("https://us.example/auth/sso/callback", "state", "nonce", "v" * 64)
PRIMARY = {"email": "Dana@example.com", "primary": True, "verified": True}


@pytest.fixture
def github(idp: Idp) -> Provider:
    """A GitHub Enterprise Server, where Dana has an account."""

    def token(request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        assert (form["client_id"], form["client_secret"]) == ("us", "secret")
        assert (form["code"], form["code_verifier"]) == ("a-code", "v" * 64)
        return answers.json({"access_token": "gho_x", "token_type": "bearer"})

    idp.pages |= {
        "/login/oauth/access_token": token,
        "/api/v3/user": lambda _: answers.json(
            {"id": 7, "login": "dana", "email": "ceo@x.example"}
        ),
        "/api/v3/user/emails": lambda _: answers.json(
            [{"email": "old@example.com", "primary": False, "verified": True}, PRIMARY]
        ),
        "/api/v3/user/teams": lambda _: answers.json(
            [{"slug": "core", "organization": {"login": "acme"}}, {"slug": "odd"}, 7]
        ),
    }
    return Provider("sso_1", None, "github", "GitHub", idp.issuer, "us", "secret", "read:user")


def _finish(provider: Provider, **answer: str) -> Any:
    return oidc_github.finish(runtime().web, provider, ERRAND, {"code": "a-code", **answer}).account


def test_sends_the_browser_with_pkce(github: Provider) -> None:
    url = oidc_github.begin(runtime().web, github, ERRAND)

    asked = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(f"{github.issuer}/login/oauth/authorize?")
    assert (asked["state"], asked["code_challenge_method"]) == ("state", "S256")


def test_the_account_is_known_by_its_number(github: Provider) -> None:
    account = _finish(github)

    assert (account.issuer, account.subject) == (github.issuer, "7")
    assert (account.email, account.name, account.groups) == ("dana@example.com", "dana", ())


def test_teams_are_groups_when_their_scope_was_asked_for(github: Provider, idp: Idp) -> None:
    asking = Provider("sso_1", None, "github", "GitHub", idp.issuer, "us", "secret", "read:org")

    assert _finish(asking).groups == ("acme/core",)


@pytest.mark.parametrize(
    ("emails", "why"),
    [
        ([{**PRIMARY, "verified": False}], "not verified"),
        ([{**PRIMARY, "primary": False}], "no e-mail"),
        ([], "no e-mail"),
        ({"message": "no"}, "no e-mail"),
        ([7], "no e-mail"),
    ],
)
def test_only_the_verified_primary_e_mail_counts(
    github: Provider, idp: Idp, emails: Any, why: str
) -> None:
    idp.pages["/api/v3/user/emails"] = lambda _: answers.json(emails)

    with pytest.raises(Untrusted, match=why):
        _finish(github)


def test_a_refused_code_is_told(github: Provider, idp: Idp) -> None:
    said = {"error": "bad_verification_code", "error_description": "expired"}
    idp.pages["/login/oauth/access_token"] = lambda _: answers.json(said)

    with pytest.raises(Untrusted, match="bad_verification_code"):
        _finish(github)


def test_somebody_without_a_number_is_nobody(github: Provider, idp: Idp) -> None:
    idp.pages["/api/v3/user"] = lambda _: answers.json({"id": "7"})

    with pytest.raises(ProviderFailed):
        _finish(github)


def test_an_answer_of_somebody_else_is_refused(github: Provider) -> None:
    with pytest.raises(Untrusted, match="iss"):
        _finish(github, iss="https://evil.example")
