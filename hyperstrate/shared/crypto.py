"""Secrets at rest, and what API keys are made of."""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from hyperstrate.shared.errors import AppError

KEY_PREFIX = "hs_"
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 32  # 62^32 > 2^190
_CHECKSUM_LENGTH = 6  # 62^6 > 2^32
_KEY_LENGTH = len(KEY_PREFIX) + _RANDOM_LENGTH + _CHECKSUM_LENGTH

_keys: tuple[Fernet, ...] = ()


class UnreadableSecret(AppError):
    """A value at rest was not sealed with any of the present keys, or was changed since."""

    code = "unreadable_secret"


def configure(keys: Sequence[str]) -> None:
    """Set the Fernet keys of this installation: the first one seals, all of them open."""
    global _keys
    _keys = tuple(Fernet(key) for key in keys)


def count_keys() -> int:
    """How many keys there are."""
    return len(_keys)


def encrypt(text: str) -> str:
    """``text``, sealed with the newest key."""
    return _sealer().encrypt(text.encode()).decode()


def decrypt(sealed: str) -> str:
    """The text in ``sealed``. Raises UnreadableSecret."""
    try:
        return _sealer().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise _unreadable() from None


def rotate(sealed: str) -> str:
    """The same secret, sealed with the newest key. Raises UnreadableSecret."""
    try:
        return _sealer().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise _unreadable() from None


def age(sealed: str) -> int | None:
    """Which key sealed it: 0 for the newest, 1 for the one before; None: none of the present."""
    for number, key in enumerate(_keys):
        try:
            key.decrypt(sealed.encode())
        except InvalidToken:
            continue
        return number
    return None


def _sealer() -> MultiFernet:
    if not _keys:
        raise RuntimeError("crypto.configure() must run before secrets are read or written")
    return MultiFernet(_keys)


def _unreadable() -> UnreadableSecret:
    return UnreadableSecret(
        "a stored secret cannot be read: the key it was sealed with is missing in SECRET_KEYS"
    )


def new_api_key() -> str:
    """A new key: ``hs_``, 190 random bits in base62, and their checksum."""
    body = KEY_PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM_LENGTH))
    return body + _checksum(body)


def has_valid_checksum(key: str) -> bool:
    """``key`` has the form of ours: what was mistyped or made up is refused without a look-up."""
    if len(key) != _KEY_LENGTH or not key.startswith(KEY_PREFIX):
        return False
    return key[-_CHECKSUM_LENGTH:] == _checksum(key[:-_CHECKSUM_LENGTH])


def hash_key(key: str) -> str:
    """What is stored of a key: SHA-256 in hex. Enough, for a key is random, not a password."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _checksum(text: str) -> str:
    """CRC-32 in base62, most significant digit first."""
    rest = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    digits = ""
    for _ in range(_CHECKSUM_LENGTH):
        rest, digit = divmod(rest, 62)
        digits = _LETTERS[digit] + digits
    return digits
