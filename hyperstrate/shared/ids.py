"""TypeIDs: a prefix that tells the kind, and a UUIDv7 in 26 base32 characters, sorted by time."""

from __future__ import annotations

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)
_RANDOM_BITS = ((1 << 12) - 1) << 64 | (1 << 62) - 1


def new_id(prefix: str) -> str:
    """A new TypeID such as ``rtr_01jd3k...`` (TypeID specification 0.3, RFC 9562 section 5.7)."""
    random = int.from_bytes(os.urandom(10), "big") & _RANDOM_BITS
    number = (time.time_ns() // 1_000_000) << 80 | _VERSION_AND_VARIANT | random
    letters = "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])
    return f"{prefix}_{letters}"
