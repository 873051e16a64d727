"""TypeIDs: a prefix that tells the kind, and a UUIDv7 in 26 base32 characters, sorted by time."""

from __future__ import annotations

import time
from random import getrandbits

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_VERSION = 7 << 16
_VARIANT = 2 << 2


def new_id(prefix: str) -> str:
    """A new TypeID such as ``rtr_01jd3k...`` (TypeID specification 0.3, RFC 9562 section 5.7).

    Nobody may take one for a secret: its random bits are those of :mod:`random`, which every
    forked process seeds anew.
    """
    milliseconds = time.time_ns() // 1_000_000
    high = milliseconds << 20 | _VERSION | getrandbits(12) << 4 | _VARIANT | getrandbits(2)
    low = getrandbits(60)
    return (
        f"{prefix}_{_PAIRS[high >> 60]}{_PAIRS[high >> 50 & 1023]}{_PAIRS[high >> 40 & 1023]}"
        f"{_PAIRS[high >> 30 & 1023]}{_PAIRS[high >> 20 & 1023]}{_PAIRS[high >> 10 & 1023]}"
        f"{_PAIRS[high & 1023]}{_PAIRS[low >> 50]}{_PAIRS[low >> 40 & 1023]}"
        f"{_PAIRS[low >> 30 & 1023]}{_PAIRS[low >> 20 & 1023]}{_PAIRS[low >> 10 & 1023]}"
        f"{_PAIRS[low & 1023]}"
    )
