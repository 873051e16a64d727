"""Signatures of identity providers: by their published keys (JWKS, RFC 7517), never a secret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import JWSRegistry, extract_compact

from hyperstrate.auth.sso.claims import Untrusted
from hyperstrate.auth.sso.web import ProviderFailed, Web

# RFC 8725 section 3.1: what the token's header says is not believed, unless it is one of these.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
MAX_KEYS = 100
MAX_TOKEN_LENGTH = 64_000


class _Registry(JWSRegistry):
    """Providers put certificates and words of their own into headers."""

    max_header_length: ClassVar[int] = 16_384  # type: ignore[misc]


def signed(
    web: Web, token: str, jwks_url: str, *, algorithms: Sequence[str] = ALGORITHMS
) -> dict[str, Any]:
    """The claims of a JWT that one of the keys at ``jwks_url`` signed.

    A key that is not there is looked for once more, in keys fetched anew. Raises Untrusted and
    ProviderFailed.
    """
    header = _header(token)
    if header.get("alg") not in algorithms:
        raise Untrusted(f"its signature must be one of {', '.join(algorithms)}")
    kid = header.get("kid")
    keys = _keys(web.document(jwks_url), kid)
    if not keys:
        keys = _keys(web.document(jwks_url, is_fresh=True), kid)
    if not keys:
        raise Untrusted("it was signed with a key that the provider does not publish")
    return _claims(token, keys, algorithms)


def _header(token: str) -> dict[str, Any]:
    if len(token) > MAX_TOKEN_LENGTH or token.count(".") != 2:
        raise Untrusted("it is no signed token")
    try:
        return dict(extract_compact(token.encode(), registry=_registry(())).headers())
    except (JoseError, ValueError):
        raise Untrusted("it is no signed token") from None


def _keys(document: dict[str, Any], kid: object) -> list[Key]:
    """The keys for signatures; with a ``kid`` only those of that name."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise ProviderFailed("The provider's keys are no JSON Web Key Set.")
    return [key for key in _readable(listed[:MAX_KEYS]) if kid is None or key.kid == kid]


def _readable(listed: list[Any]) -> Iterator[Key]:
    for given in listed:
        if not isinstance(given, dict) or given.get("kty") not in ("RSA", "EC"):
            continue
        if given.get("use", "sig") != "sig":
            continue
        try:
            yield JWKRegistry.import_key(given)
        except (JoseError, ValueError, TypeError, KeyError):
            continue


def _claims(token: str, keys: list[Key], algorithms: Sequence[str]) -> dict[str, Any]:
    for key in keys:
        try:
            found = jwt.decode(token, key, registry=_registry(algorithms))
        except (JoseError, ValueError, TypeError):
            continue
        return dict(found.claims)
    raise Untrusted("its signature is not one of the provider's keys")


def _registry(algorithms: Sequence[str]) -> JWSRegistry:
    return _Registry(algorithms=list(algorithms), strict_check_header=False)
