"""Passwords as argon2id hashes, made and checked off the hub."""

from __future__ import annotations

from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hyperstrate.shared.offhub import off_hub

MIN_LENGTH = 12
MAX_LENGTH = 256
# The second choice of OWASP's password storage cheat sheet: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Made with these parameters, so that an unknown e-mail takes as long to refuse as a known one.
_NOBODYS_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$xpZJgxoqyN15oc"
    "2JTjTwHQ$JVCdCj18Z8hLnkezHleD6cm1z+S5EdoKY/MP1MPBSJc"
)


def hashed(password: str) -> str:
    """The hash to keep of ``password``."""
    return off_hub(_hasher.hash, _normal(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether ``password`` is the one. Without a hash it takes as long and says no."""
    is_right = off_hub(_verify, password_hash or _NOBODYS_HASH, _normal(password))
    return is_right and password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """The hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """One form for what keyboards write in several (NIST SP 800-63B, 3.1.1.2)."""
    return normalize("NFKC", password)
