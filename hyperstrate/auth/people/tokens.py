"""Session tokens: JWTs (RFC 7519) signed with the installation's secret."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from hyperstrate.shared.errors import Unauthorized
from hyperstrate.shared.ids import new_id

if TYPE_CHECKING:
    from joserfc.jwk import OctKey
    from joserfc.jwt import JWTClaimsRegistry

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
    """Issues and reads session tokens. What it takes is loaded late: browsers have cookies."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    @cached_property
    def _key(self) -> OctKey:
        from joserfc.jwk import OctKey

        return OctKey.import_key(self._secret)

    @cached_property
    def _rules(self) -> JWTClaimsRegistry:
        from joserfc.jwt import JWTClaimsRegistry

        return JWTClaimsRegistry(
            leeway=CLOCK_SKEW_S,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            sub={"essential": True},
            sid={"essential": True},
            exp={"essential": True},
        )

    def issue(self, claim: Claim, *, org_id: str, expires_at: datetime) -> str:
        """A token of a session, for as long as that lasts."""
        from joserfc import jwt

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
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            self._rules.validate(claims)
        except (JoseError, ValueError):
            raise Unauthorized("the key or session token is not valid") from None
        return Claim(str(claims["sub"]), str(claims["sid"]))
