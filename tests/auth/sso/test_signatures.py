"""Which keys are believed."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey

from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.sso import signatures
from hyperstrate.auth.sso.claims import Untrusted
from hyperstrate.auth.sso.signatures import signed
from hyperstrate.auth.sso.web import ProviderFailed
from tests import answers
from tests.auth.sso.idp import Idp, key

CLAIMS = {"sub": "dana"}


def publish(idp: Idp, *keys: dict[str, Any]) -> None:
    idp.pages["/jwks"] = lambda _: answers.json({"keys": list(keys)})


def public(found: Key, **changes: Any) -> dict[str, Any]:
    shown = {**found.as_dict(private=False), **changes}
    return {name: value for name, value in shown.items() if value is not None}


def read(idp: Idp, token: str) -> dict[str, Any]:
    return signed(runtime().web, token, f"{idp.issuer}/jwks")


def test_finds_the_key_by_its_name(idp: Idp) -> None:
    publish(idp, public(key("one")), public(key("two")))

    assert read(idp, idp.sign(CLAIMS, kid="two")) == CLAIMS


def test_tries_all_keys_where_none_is_named(idp: Idp) -> None:
    publish(idp, public(key("one"), kid=None), public(key("two"), kid=None))

    assert read(idp, jwt.encode({"alg": "RS256"}, CLAIMS, key("two"))) == CLAIMS


def test_reads_what_else_is_in_a_header(idp: Idp) -> None:
    publish(idp, public(key("one")))
    header = {"alg": "RS256", "kid": "one", "typ": "JWT", "x5t": "a" * 900}

    loose = signatures._registry(signatures.ALGORITHMS)
    token = jwt.encode(header, CLAIMS, key("one"), registry=loose)

    assert read(idp, token) == CLAIMS


def test_odd_keys_are_passed_over(idp: Idp) -> None:
    curve = ECKey.generate_key("P-256", {"kid": "ec"}, private=True)
    odd: list[Any] = [{"kty": "RSA", "kid": "ec"}, {"kty": "new", "kid": "ec"}, {"kid": "ec"}]
    publish(idp, *odd, public(curve))

    assert read(idp, jwt.encode({"alg": "ES256", "kid": "ec"}, CLAIMS, curve)) == CLAIMS


def test_a_key_for_encryption_signs_nothing(idp: Idp) -> None:
    publish(idp, public(key("one"), use="enc"))

    with pytest.raises(Untrusted, match="does not publish"):
        read(idp, idp.sign(CLAIMS))


def test_a_published_secret_signs_nothing(idp: Idp) -> None:
    secret = OctKey.generate_key(256, {"kid": "one"})
    publish(idp, secret.as_dict())

    with pytest.raises(Untrusted, match="its signature must be one of"):
        read(idp, jwt.encode({"alg": "HS256", "kid": "one"}, CLAIMS, secret))


@pytest.mark.parametrize("document", [{}, {"keys": {}}, {"keys": None}])
def test_no_key_set_is_told(idp: Idp, document: dict[str, Any]) -> None:
    idp.pages["/jwks"] = lambda _: answers.json(document)

    with pytest.raises(ProviderFailed, match="Key Set"):
        read(idp, idp.sign(CLAIMS))
