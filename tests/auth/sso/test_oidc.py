"""What is taken from a provider's discovery, and how we prove who we are."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.sso import oidc
from hyperstrate.auth.sso.claims import Untrusted
from hyperstrate.auth.sso.oidc import Errand, Provider
from hyperstrate.auth.sso.web import ProviderFailed
from tests import answers
from tests.auth.sso.idp import CLIENT_ID, Idp
from tests.upstreams import Answer, Request

ERRAND = Errand("https://us.example/auth/sso/callback", "state", "nonce", "v" * 64)


@pytest.fixture
def provider(idp: Idp) -> Provider:
    return Provider("sso_1", None, "oidc", "Acme", idp.issuer, CLIENT_ID, "plain-secret")


@pytest.mark.parametrize(
    ("secret", "methods", "is_basic"),
    [
        ("plain-secret", None, True),
        ("plain-secret", ["client_secret_post"], False),
        ("with + and %", ["client_secret_basic", "client_secret_post"], False),
        ("with + and %", ["client_secret_basic"], True),
    ],
)
def test_proves_itself_as_the_provider_wants(
    idp: Idp, provider: Provider, secret: str, methods: list[str] | None, is_basic: bool
) -> None:
    idp.metadata["token_endpoint_auth_methods_supported"] = methods
    asked: list[Request] = []

    def token(request: Request) -> Answer:
        asked.append(request)
        claims = idp.honest("nonce")
        return answers.json({"access_token": "at", "id_token": idp.sign(claims)})

    idp.pages["/token"] = token

    oidc.finish(
        runtime().web,
        replace(provider, client_secret=secret),
        ERRAND,
        {"code": "c", "iss": idp.issuer},
    )

    form = parse_qs(asked[0].body.decode())
    assert ("authorization" in asked[0].headers) == is_basic
    assert ("client_secret" in form) != is_basic
    assert form["code_verifier"] == ["v" * 64]


def test_a_slash_at_the_end_of_the_issuer_is_the_providers_business(
    idp: Idp, provider: Provider
) -> None:
    idp.metadata["issuer"] = f"{idp.issuer}/"

    assert oidc.discovered(runtime().web, provider.issuer).issuer == f"{idp.issuer}/"


@pytest.mark.parametrize(
    "said",
    [{"error": "invalid_grant"}, {"error": "x\ny", "error_description": 7}, {"expires_in": "soon"}],
)
def test_what_is_no_token_is_told(idp: Idp, provider: Provider, said: dict[str, object]) -> None:
    idp.pages["/token"] = lambda _: answers.json(said, 400)

    with pytest.raises((Untrusted, ProviderFailed)):
        oidc.finish(runtime().web, provider, ERRAND, {"code": "c", "iss": idp.issuer})


def test_the_way_out_says_where_to_come_back(idp: Idp, provider: Provider) -> None:
    way = oidc.way_out(runtime().web, provider, id_token="", back="https://us.example/app/login")

    assert way.startswith(
        f"{idp.issuer}/logout?client_id=our-client&post_logout_redirect_uri=https"
    )
    assert "id_token_hint" not in way


def test_there_is_no_way_out_where_none_is_offered(idp: Idp, provider: Provider) -> None:
    idp.metadata["end_session_endpoint"] = None

    assert oidc.way_out(runtime().web, provider, id_token="t", back="https://us.example/") == ""
