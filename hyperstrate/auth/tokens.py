"""Session tokens: JWTs (RFC 7519) signed with the installation's secret."""

from __future__ import annotations

import time
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from hyperstrate.shared.errors import Unauthorized
from hyperstrate.shared.ids import new_id

LIFETIME_S = 24 * 3600
CLOCK_SKEW_S = 10
ALGORITHM = "HS256"
ISSUER = "hyperstrate"
AUDIENCE = "hyperstrate-api"


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose session a token is. It ends when the person's session version moves on."""

    user_id: str
    session_version: int


class Tokens:
    """Issues and reads session tokens."""

    def __init__(self, secret: str) -> None:
        self._key = OctKey.import_key(secret)
        self._rules = jwt.JWTClaimsRegistry(
            leeway=CLOCK_SKEW_S,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            sub={"essential": True},
            exp={"essential": True},
        )

    def issue(self, user_id: str, *, org_id: str, session_version: int) -> str:
        """A token for a person who proved who they are."""
        issued = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "org": org_id,
            "iat": issued,
            "exp": issued + LIFETIME_S,
            "jti": new_id("jwt"),
            "sv": session_version,
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key, algorithms=[ALGORITHM])

    def read(self, token: str) -> Claim:
        """What a token says, if it is ours and still valid. Raises Unauthorized."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            self._rules.validate(claims)
        except (JoseError, ValueError):
            raise Unauthorized("the key or session token is not valid") from None
        return Claim(claims["sub"], claims.get("sv", 0))
