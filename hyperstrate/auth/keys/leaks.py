"""Which strings in a text are keys of ours: for logs, repositories and pastes that leaked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hyperstrate.auth.keys import key_views, verifying
from hyperstrate.auth.keys.key_secrets import PREFIX_LENGTH
from hyperstrate.auth.keys.key_views import KeyView
from hyperstrate.shared.crypto import KEY_PREFIX, has_valid_checksum, hash_key

#: What a scanner looks for; :func:`has_valid_checksum` says whether it is one.
FORM = re.compile(rf"(?<![0-9A-Za-z_]){KEY_PREFIX}[0-9A-Za-z]{{38}}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Leak:
    """A key in the text, by its beginning. ``view``: whose it is; None for nobody's any more."""

    shown: str
    line: int
    view: KeyView | None
    is_previous: bool = False


def check(org_id: str, text: str) -> list[Leak]:
    """The keys in ``text`` by line, each once. What is another organization's is nobody's.

    Without an ``org_id`` those of the whole installation are known.
    """
    found: dict[str, Leak] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for candidate in FORM.findall(line):
            if candidate not in found and has_valid_checksum(candidate):
                found[candidate] = _leak(org_id, candidate, number)
    return list(found.values())


def _leak(org_id: str, candidate: str, line: int) -> Leak:
    shown, key_hash = f"{candidate[:PREFIX_LENGTH]}…", hash_key(candidate)
    key = verifying.owner(key_hash)
    if key is None or (org_id and key.org_id != org_id):
        return Leak(shown, line, None)
    return Leak(shown, line, key_views.of(key), is_previous=key.key_hash != key_hash)
