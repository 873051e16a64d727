"""API keys: issue, verify, change, rotate, delete."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf
from time import time
from typing import Any, Literal

from cachetools import TTLCache
from sqlalchemy import delete as sql_delete
from sqlalchemy import or_, select, update

from hyperstrate.auth import teams
from hyperstrate.auth.models import APIKey, Organization
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.cache import VersionedCache, bump
from hyperstrate.shared.crypto import has_valid_checksum, hash_key, new_api_key
from hyperstrate.shared.db import now, session
from hyperstrate.shared.errors import BadRequest, NotFound, Unauthorized
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page, paginate

Scope = Literal["router", "global"]
Status = Literal["active", "disabled", "expired", "team disabled"]
PREFIX_LENGTH = 9
UNKNOWN_FOR_S = 10


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as lists show it. ``plaintext`` is there once: when the key was made or rotated."""

    key: APIKey
    router_name: str = ""
    plaintext: str = ""

    @property
    def status(self) -> Status:
        if not self.key.is_enabled:
            return "disabled"
        if self.key.expires_at and self.key.expires_at <= now():
            return "expired"
        return "active" if self.key.team.is_enabled else "team disabled"

    @property
    def router(self) -> dict[str, str] | None:
        """The router that the key is bound to, while that exists."""
        return {"id": self.key.router_id, "name": self.router_name} if self.router_name else None


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a key. ``expires_at`` is Unix seconds; ``refusal``: why not."""

    caller: Caller
    expires_at: float
    refusal: str


_known: VersionedCache[str, _Known] = VersionedCache("keys", "teams")
_unknown: TTLCache[str, bool] = TTLCache(10_000, UNKNOWN_FOR_S)
_unknown_lock = threading.Lock()


def verify(plaintext: str) -> Caller:
    """Whose key it is. Raises Unauthorized."""
    known = _known.get(hash_key(plaintext), lambda key_hash: _load(plaintext, key_hash))
    if known.expires_at <= time():
        raise Unauthorized("this API key has expired")
    if known.refusal:
        raise Unauthorized(known.refusal)
    return known.caller


def issue(
    org_id: str,
    name: str,
    *,
    scope: Scope = "router",
    router_id: str = "",
    team_id: str = "",
    description: str = "",
    expires_at: datetime | None = None,
    created_by: str = "",
) -> KeyView:
    """A new key, of the default team when none is named. Raises BadRequest and NotFound."""
    _check_scope(scope, router_id)
    team = teams.get(org_id, team_id) if team_id else teams.default(org_id)
    if router_id and not runtime().routers.exists(org_id, router_id):
        raise NotFound("router not found")
    plaintext = new_api_key()
    key = APIKey(
        org_id=org_id,
        team=team,
        router_id=router_id,
        name=name,
        description=description,
        key_hash=hash_key(plaintext),
        prefix=plaintext[:PREFIX_LENGTH],
        scope=scope,
        expires_at=expires_at,
        created_by=created_by,
    )
    session.add(key)
    session.flush()
    bump("keys")
    return _view(key, plaintext=plaintext)


def find(
    org_id: str,
    *,
    router_id: str = "",
    team_id: str = "",
    page: int = 1,
    per_page: int = DEFAULT_PER_PAGE,
) -> Page[KeyView]:
    """The keys of an organization, newest first; of one router, those bound to it."""
    wanted = select(APIKey).where(APIKey.org_id == org_id).order_by(APIKey.id.desc())
    if router_id:
        wanted = wanted.where(APIKey.router_id == router_id, APIKey.scope == "router")
    if team_id:
        wanted = wanted.where(APIKey.team_id == team_id)
    found = paginate(wanted, page=page, per_page=per_page)
    names = runtime().routers.names(org_id, {key.router_id for key in found.items if key.router_id})
    views = [KeyView(key, names.get(key.router_id, "")) for key in found.items]
    return Page(views, found.meta)


def get(org_id: str, key_id: str) -> KeyView:
    """One key. Raises NotFound."""
    return _view(_own(org_id, key_id))


def change(org_id: str, key_id: str, changes: Mapping[str, Any]) -> KeyView:
    """Change the columns named in ``changes``. Raises NotFound."""
    key = _own(org_id, key_id)
    for column, value in changes.items():
        setattr(key, column, value)
    session.flush()
    bump("keys")
    return _view(key)


def rotate(org_id: str, key_id: str) -> KeyView:
    """Give a key a new secret; the old one is dead at once. Raises NotFound."""
    plaintext = new_api_key()
    secret = {"key_hash": hash_key(plaintext), "prefix": plaintext[:PREFIX_LENGTH]}
    view = change(org_id, key_id, secret)
    return KeyView(view.key, view.router_name, plaintext)


def delete(org_id: str, key_id: str) -> None:
    """Delete a key. Raises NotFound."""
    session.delete(_own(org_id, key_id))
    session.flush()
    bump("keys")


def forget_router(org_id: str, router_id: str) -> None:
    """A router is gone: its keys open nothing any more."""
    own = (APIKey.org_id == org_id, APIKey.router_id == router_id)
    session.execute(sql_delete(APIKey).where(*own))
    bump("keys")


def mark_used(used: Mapping[tuple[str, str], datetime]) -> None:
    """Note when keys were last used: (organization, key) -> time. Never goes back in time."""
    for (org_id, key_id), moment in used.items():
        is_newer = or_(APIKey.last_used_at.is_(None), APIKey.last_used_at < moment)
        session.execute(
            update(APIKey)
            .where(APIKey.org_id == org_id, APIKey.id == key_id, is_newer)
            .values(last_used_at=moment, modified_at=APIKey.modified_at)
            .execution_options(synchronize_session=False)
        )


def _load(plaintext: str, key_hash: str) -> _Known:
    """Look the key up. One that nobody has is not asked for again for a while."""
    if not has_valid_checksum(plaintext) or key_hash in _unknown:
        raise _no_such_key()
    key = session.scalar(select(APIKey).where(APIKey.key_hash == key_hash))
    if key is None:
        with _unknown_lock:
            _unknown[key_hash] = True
        raise _no_such_key()
    caller = Caller(
        org_id=key.org_id,
        kind="api_key",
        key_id=key.id,
        router_id=key.router_id,
        team_ids=(key.team_id,),
        is_global=key.scope == "global",
    )
    expires_at = key.expires_at.timestamp() if key.expires_at else inf
    return _Known(caller, expires_at, _refusal(key))


def _refusal(key: APIKey) -> str:
    if not key.is_enabled:
        return "this API key is disabled"
    if not key.team.is_enabled:
        return "the team of this API key is disabled"
    organization = session.get_one(Organization, key.org_id)
    return "" if organization.is_enabled else "this organization is disabled"


def _no_such_key() -> Unauthorized:
    return Unauthorized("the API key is not valid")


def _check_scope(scope: Scope, router_id: str) -> None:
    if scope == "router" and not router_id:
        raise BadRequest("validation failed", fields={"routerId": ["this field is required"]})
    if scope == "global" and router_id:
        complaint = "must be empty: a global key opens every router"
        raise BadRequest("validation failed", fields={"routerId": [complaint]})


def _own(org_id: str, key_id: str) -> APIKey:
    key = session.scalar(select(APIKey).where(APIKey.org_id == org_id, APIKey.id == key_id))
    if key is None:
        raise NotFound("API key not found")
    return key


def _view(key: APIKey, *, plaintext: str = "") -> KeyView:
    names = runtime().routers.names(key.org_id, [key.router_id]) if key.router_id else {}
    return KeyView(key, names.get(key.router_id, ""), plaintext)
