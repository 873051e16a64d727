"""The secret of a key: made, rotated with an overlap, its uses noted; the same for every kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import TypeAlias

from sqlalchemy import Update, bindparam, or_, update
from sqlalchemy.orm import InstrumentedAttribute as Attribute

from hyperstrate.auth.models import APIKey, VirtualKey
from hyperstrate.shared.crypto import hash_key, new_api_key
from hyperstrate.shared.db import UtcDateTime, now, session
from hyperstrate.shared.errors import Conflict

Key: TypeAlias = APIKey | VirtualKey
KINDS: tuple[type[APIKey] | type[VirtualKey], ...] = (APIKey, VirtualKey)
PREFIX_LENGTH = 9


def renew(key: Key) -> str:
    """Give ``key`` a new secret, and return it: nobody will see it again."""
    plaintext = new_api_key()
    key.key_hash, key.prefix = hash_key(plaintext), plaintext[:PREFIX_LENGTH]
    key.last_used_at = None
    return plaintext


def is_overlapping(key: Key) -> bool:
    """Both the present and the previous secret work."""
    ends = key.previous_expires_at
    return key.previous_hash is not None and ends is not None and ends > now()


def rotate(key: Key, *, overlap_minutes: int = 0, rotation_id: str = "") -> str | None:
    """A new secret; the present one works for so long as the previous one, else is dead at once.

    None for a ``rotation_id`` that was the last one: nothing changes. There are never three: while
    two work and the newer one was used, a further overlap is a Conflict; an unused one, as when
    the answer that held it was lost, is replaced.
    """
    if rotation_id and rotation_id == key.rotation_id:
        return None
    is_replacing = bool(overlap_minutes) and is_overlapping(key)
    if is_replacing and key.last_used_at is not None:
        raise Conflict("both secrets of the last rotation work and are used: finish it first")
    at = now()
    if not is_replacing:
        key.previous_hash = key.key_hash if overlap_minutes else None
        key.previous_prefix = key.prefix
        key.previous_last_used_at = key.last_used_at
    ends = at + timedelta(minutes=overlap_minutes)
    key.previous_expires_at = ends if overlap_minutes else None
    key.rotated_at, key.rotation_id = at, rotation_id
    return renew(key)


def finish(key: Key) -> None:
    """The previous secret is dead now; no rotation is no error."""
    key.previous_hash = key.previous_expires_at = None


def mark_used(used: Mapping[tuple[str, str, str], datetime]) -> None:
    """Note when secrets were last used: (organization, key, prefix) -> time; never goes back."""
    for (org_id, key_id, prefix), moment in used.items():
        kind = APIKey if key_id.startswith("akey") else VirtualKey
        use = {"org": org_id, "key": key_id, "sent": prefix, "moment": moment}
        for statement in _noting_use(kind):
            session.connection().execute(statement, use)


@cache
def _noting_use(kind: type[Key]) -> tuple[Update, Update]:
    """Of the present secret and of the previous one.

    To be run past the session: to be used is no change that the audit should compare.
    """
    present = (kind.prefix, kind.last_used_at)
    previous = (kind.previous_prefix, kind.previous_last_used_at)
    own = update(kind).where(kind.org_id == bindparam("org"), kind.id == bindparam("key"))
    moment = bindparam("moment", type_=UtcDateTime())

    def noting(prefix: Attribute[str], last: Attribute[datetime | None]) -> Update:
        is_newer = or_(last.is_(None), last < moment)
        values = {last: moment, kind.modified_at: kind.modified_at}
        return own.where(prefix == bindparam("sent"), is_newer).values(values)

    return noting(*present), noting(*previous)
