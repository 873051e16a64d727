"""Whose key a secret is, and what it opens: from memory, or with one look-up by its hash."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from time import time
from typing import cast

from cachetools import TTLCache
from sqlalchemy import literal, or_, select, union_all

from hyperstrate.auth.keys.key_secrets import KINDS, Key
from hyperstrate.auth.models import APIKey, Organization
from hyperstrate.shared.cache import VersionedCache
from hyperstrate.shared.crypto import has_valid_checksum, hash_key
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import Unauthorized
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.key_rules import ContentLogging, compiled
from hyperstrate.shared.locks import brief_lock

UNKNOWN_FOR_S = 10
_WORDS = {"api_key": "API key", "virtual_key": "virtual key"}


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a secret. Unix seconds; ``refusal``: why not."""

    caller: Caller
    expires_at: float
    replaced_at: float
    refusal: str


#: By the whole hash: what differs anywhere is another key.
_known: VersionedCache[str, _Known] = VersionedCache("keys", "teams")
_unknown: TTLCache[str, bool] = TTLCache(10_000, UNKNOWN_FOR_S)
_unknown_lock = brief_lock()


def verify(plaintext: str) -> Caller:
    """Whose key it is. Raises Unauthorized; for what has not the form of a key, at once."""
    key_hash = hash_key(plaintext)
    if key_hash not in _known and not has_valid_checksum(plaintext):
        raise _no_such_key()
    known = _known.get(key_hash, _load)
    at = time()
    if known.expires_at <= at:
        raise Unauthorized(f"this {_WORDS[known.caller.kind]} has expired")
    if known.replaced_at <= at:
        raise Unauthorized(f"this {_WORDS[known.caller.kind]} was rotated: send its new secret")
    if known.refusal:
        raise Unauthorized(known.refusal)
    return known.caller


def owner(key_hash: str) -> Key | None:
    """The key, of any kind, whose present or previous secret has this hash."""
    wanted = union_all(
        *(
            select(literal(number), kind.id).where(
                or_(kind.key_hash == key_hash, kind.previous_hash == key_hash)
            )
            for number, kind in enumerate(KINDS)
        )
    )
    found = session.execute(wanted).first()
    return cast(Key, session.get_one(KINDS[found[0]], found[1])) if found else None


def _load(key_hash: str) -> _Known:
    """Look the key up. One that nobody has is not asked for again for a while."""
    if key_hash in _unknown:
        raise _no_such_key()
    key = owner(key_hash)
    if key is None:
        with _unknown_lock:
            _unknown[key_hash] = True
        raise _no_such_key()
    is_present = key.key_hash == key_hash
    replaced_at = inf if is_present else 0.0
    if not is_present and key.previous_expires_at:
        replaced_at = key.previous_expires_at.timestamp()
    return _Known(
        _caller(key, key.prefix if is_present else key.previous_prefix),
        expires_at=key.expires_at.timestamp() if key.expires_at else inf,
        replaced_at=replaced_at,
        refusal=_refusal(key),
    )


def _caller(key: Key, prefix: str) -> Caller:
    is_api_key = isinstance(key, APIKey)
    return Caller(
        org_id=key.org_id,
        kind="api_key" if is_api_key else "virtual_key",
        key_id=key.id,
        key_prefix=prefix,
        router_id=key.router_id,
        team_ids=(key.team_id,) if key.team_id else (),
        is_global=isinstance(key, APIKey) and key.scope == "global",
        counts_on=key.virtual_key_id if isinstance(key, APIKey) else "",
        rules=compiled(
            routers=key.allowed_routers,
            allowed=key.allowed_models,
            denied=key.denied_models,
            networks=key.allowed_networks,
            content_logging=cast(ContentLogging, key.content_logging),
        ),
    )


def _refusal(key: Key) -> str:
    words = _WORDS[key.__audit__]
    if not key.is_enabled:
        return f"this {words} is disabled"
    if key.team is not None and not key.team.is_enabled:
        return f"the team of this {words} is disabled"
    organization = session.get_one(Organization, key.org_id)
    return "" if organization.is_enabled else "this organization is disabled"


def _no_such_key() -> Unauthorized:
    return Unauthorized("the API key is not valid")
