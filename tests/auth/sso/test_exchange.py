"""POST /auth/oidc/exchange: a token of the installation's issuer becomes a session token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey

from hyperstrate.auth.runtime import runtime, use
from hyperstrate.auth.sso import groups
from hyperstrate.shared.db import unit_of_work
from tests import answers
from tests.auth.sso.idp import CLIENT_ID, Idp, unsigned
from tests.people import People

ClientAs = Callable[[str | None], FlaskClient]


@pytest.fixture
def issuer(idp: Idp, people: People) -> Idp:
    """The installation's issuer, at which Bob has an account."""
    config = replace(
        runtime().config,
        oidc_jwks_url=f"{idp.issuer}/jwks",
        oidc_issuer=idp.issuer,
        oidc_audience=CLIENT_ID,
    )
    use(replace(runtime(), config=config))
    idp.claims = {"email": people.bob.email, "nonce": None}
    return idp


def exchanged(client: FlaskClient, token: Any) -> tuple[int, dict[str, Any]]:
    answer = client.post("/auth/oidc/exchange", json={"token": token})
    return answer.status_code, dict(answer.json or {})


def test_a_token_becomes_a_session(issuer: Idp, client_as: ClientAs, people: People) -> None:
    with unit_of_work():
        groups.add(people.bob.org_id, "bosses", role="admin")
    issuer.claims["groups"] = ["bosses"]

    status, said = exchanged(client_as(None), issuer.sign(issuer.honest()))

    assert status == 200
    assert (said["user"]["id"], said["user"]["role"]) == (people.bob.id, "admin")
    headers = {"Authorization": f"Bearer {said['token']}"}
    assert client_as(None).get("/auth/me", headers=headers).status_code == 200


def test_a_token_of_es256_is_as_good(issuer: Idp, client_as: ClientAs) -> None:
    curve = ECKey.generate_key("P-256", {"kid": "ec"}, private=True)
    issuer.pages["/jwks"] = lambda _: answers.json({"keys": [curve.as_dict(private=False)]})

    token = jwt.encode({"alg": "ES256", "kid": "ec"}, issuer.honest(), curve)

    assert exchanged(client_as(None), token)[0] == 200


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://evil.example"}, "issuer"),
        ({"aud": "somebody-else"}, "aud"),
        ({"exp": 1}, "expired"),
        ({"nbf": 4_000_000_000}, "not valid yet"),
        ({"email_verified": None}, "not verified"),
        ({"email_verified": None, "user_metadata": {"email_verified": True}}, "not verified"),
        ({"email": None}, "no e-mail"),
    ],
)
def test_a_token_that_is_not_meant_for_us_is_refused(
    issuer: Idp, client_as: ClientAs, claims: dict[str, Any], why: str
) -> None:
    issuer.claims |= claims

    status, said = exchanged(client_as(None), issuer.sign(issuer.honest()))

    assert status == 401
    assert why in said["error"]


def test_a_forged_token_is_refused(issuer: Idp, client_as: ClientAs) -> None:
    client = client_as(None)

    assert exchanged(client, unsigned(issuer.honest()))[0] == 401
    assert exchanged(client, issuer.sign(issuer.honest(), alg="RS384"))[0] == 401
    assert exchanged(client, issuer.sign(issuer.honest(), kid="theirs"))[0] == 401
    assert exchanged(client, "nonsense")[0] == 401
    assert exchanged(client, 7)[0] == 400
    assert exchanged(client, "")[0] == 400


def test_tokens_with_the_same_beginning_are_not_mistaken_lesson_e(
    issuer: Idp, client_as: ClientAs
) -> None:
    token = issuer.sign(issuer.honest())
    client = client_as(None)
    assert exchanged(client, token)[0] == 200

    assert exchanged(client, token[:-10] + "AAAAAAAAAA")[0] == 401


def test_keys_that_cannot_be_had_are_told(issuer: Idp, client_as: ClientAs) -> None:
    issuer.pages["/jwks"] = lambda _: answers.html(503)

    status, said = exchanged(client_as(None), issuer.sign(issuer.honest()))

    assert status == 502
    assert "503" in said["error"]


def test_without_keys_nothing_is_believed(idp: Idp, client_as: ClientAs, app: Flask) -> None:
    status, said = exchanged(client_as(None), idp.sign(idp.honest()))

    assert status == 401
    assert "OIDC_JWKS_URL" in said["error"]
