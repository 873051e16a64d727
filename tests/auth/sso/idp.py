"""An identity provider on loopback that says whatever a test wants: the truth, or a lie."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests import answers
from tests.upstreams import Answer, Provider, Request

CLIENT_ID, CLIENT_SECRET = "our-client", "our secret + %"
Handler = Callable[[Request], Answer]


@cache
def key(kid: str) -> RSAKey:
    """The provider's key of this name; made once, since that takes long."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, private=True)


@dataclass
class Idp:
    """``claims`` go into the ID token over the honest ones (None takes one out); ``pages`` by path
    replace what is honest; ``signed`` makes the token."""

    server: Provider
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=lambda: {"sub": "sub-1"})
    metadata: dict[str, Any] = field(default_factory=dict)
    pages: dict[str, Handler] = field(default_factory=dict)
    token: Callable[[dict[str, Any]], str] | None = None
    nonces: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.always(self._answer)

    @property
    def issuer(self) -> str:
        return self.server.url

    def authorize(self, url: str, code: str = "a-code") -> dict[str, str]:
        """Somebody signs in at the address; what their browser brings back."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{self.issuer}/authorize?")
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["code_challenge"]) == 43
        self.nonces[code] = asked["nonce"]
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def honest(self, nonce: str = "") -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "sub-1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "email": "dana@example.com",
            "email_verified": True,
            "name": "Dana",
            **self.claims,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, claims: dict[str, Any], *, kid: str = "one", alg: str = "RS256") -> str:
        return jwt.encode({"alg": alg, "kid": kid}, claims, key(kid), algorithms=[alg])

    def asked(self, path: str) -> int:
        return sum(request.path.split("?")[0] == path for request in self.server.requests)

    def _answer(self, request: Request) -> Answer:
        path = request.path.split("?")[0]
        known: dict[str, Handler] = {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks": lambda _: answers.json({"keys": [key("one").as_dict(private=False)]}),
            "/token": self._token,
            "/userinfo": lambda _: answers.json(self.userinfo),
            **self.pages,
        }
        answer: Handler = known.get(path, lambda _: answers.error(404))
        return answer(request)

    def _discovery(self, _request: Request) -> Answer:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/logout",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }
        return answers.json({name: said for name, said in document.items() if said is not None})

    def _token(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        assert form["client_id"] == CLIENT_ID
        assert form["client_secret"] == CLIENT_SECRET
        assert len(form["code_verifier"]) >= 43
        claims = self.honest(self.nonces.get(form["code"], ""))
        made = self.token(claims) if self.token else self.sign(claims)
        return answers.json({"access_token": "at", "token_type": "Bearer", "id_token": made})


def unsigned(claims: dict[str, Any]) -> str:
    """A token that nobody signed."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return (
        ".".join(base64.urlsafe_b64encode(orjson.dumps(it)).rstrip(b"=").decode() for it in parts)
        + "."
    )
