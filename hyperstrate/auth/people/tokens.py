"""Session tokens: JWTs (RFC 7519) signed with the installation's secret."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from hyperstrate.shared.errors import Unauthorized
from hyperstrate.shared.ids import new_id

CLOCK_SKEW_S = 10
ALGORITHM = "HS256"
ISSUER = "hyperstrate"
AUDIENCE = "hyperstrate-api"


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose token it is, and of which session: with that it ends."""

    user_id: str
    session_id: str


class Tokens:
    """Issues and reads session tokens."""

    def __init__(self, secret: str) -> None:
        self._key = OctKey.import_key(secret)
        self._rules = jwt.JWTClaimsRegistry(
            leeway=CLOCK_SKEW_S,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            sub={"essential": True},
            sid={"essential": True},
            exp={"essential": True},
        )

    def issue(self, claim: Claim, *, org_id: str, expires_at: datetime) -> str:
        """A token of a session, for as long as that lasts."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": claim.user_id,
            "sid": claim.session_id,
            "org": org_id,
            "iat": int(time.time()),
            "exp": int(expires_at.timestamp()),
            "jti": new_id("jwt"),
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key, algorithms=[ALGORITHM])

    def read(self, token: str) -> Claim:
        """What a token says, if it is ours and still valid. Raises Unauthorized."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            self._rules.validate(claims)
        except (JoseError, ValueError):
            raise Unauthorized("the key or session token is not valid") from None
        return Claim(str(claims["sub"]), str(claims["sid"]))
