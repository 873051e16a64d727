"""API keys: issue, change, rotate, delete."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete as sql_delete
from sqlalchemy import select

from hyperstrate.auth.books import ceilings
from hyperstrate.auth.keys import key_rows, key_secrets, key_views
from hyperstrate.auth.keys.key_views import KeyView
from hyperstrate.auth.models import APIKey, VirtualKey
from hyperstrate.auth.people import teams
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import BadRequest, NotFound
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page

Scope = Literal["router", "global"]


def issue(
    org_id: str,
    name: str,
    *,
    scope: Scope = "router",
    router_id: str = "",
    team_id: str = "",
    virtual_key_id: str = "",
    description: str = "",
    expires_at: datetime | None = None,
    created_by: str = "",
    **rules: Any,
) -> KeyView:
    """A new key, of the default team when none is named; ``rules`` are columns of Rules.

    Its calls count on the virtual key's limits and budgets too. Raises BadRequest and NotFound.
    """
    _check_scope(scope, router_id)
    team = teams.get(org_id, team_id) if team_id else teams.default(org_id)
    if router_id and not runtime().routers.exists(org_id, router_id):
        raise NotFound("router not found")
    key_rows.check_routers(org_id, router_id, rules.get("allowed_routers", ()))
    _check_virtual_key(org_id, virtual_key_id)
    key = APIKey(
        org_id=org_id,
        team=team,
        router_id=router_id,
        virtual_key_id=virtual_key_id,
        name=name,
        description=description,
        scope=scope,
        expires_at=expires_at,
        created_by=created_by,
        **rules,
    )
    plaintext = key_secrets.renew(key)
    session.add(key)
    session.flush()
    bump("keys")
    return key_views.of(key, plaintext=plaintext)


def find(
    org_id: str,
    *,
    router_id: str = "",
    team_id: str = "",
    unused: str = "",
    page: int = 1,
    per_page: int = DEFAULT_PER_PAGE,
) -> Page[KeyView]:
    """The keys of an organization, newest first; of one router, those bound to it."""
    where = [APIKey.router_id == router_id, APIKey.scope == "router"] if router_id else []
    if team_id:
        where.append(APIKey.team_id == team_id)
    return key_rows.find(org_id, APIKey, *where, unused=unused, page=page, per_page=per_page)


def names(org_id: str) -> dict[str, str]:
    """id -> name of all keys."""
    rows = session.execute(select(APIKey.id, APIKey.name).where(APIKey.org_id == org_id))
    return {row.id: row.name for row in rows}


def get(org_id: str, key_id: str) -> KeyView:
    """One key. Raises NotFound."""
    return key_views.of(key_rows.own(org_id, APIKey, key_id))


def change(org_id: str, key_id: str, changes: Mapping[str, Any]) -> KeyView:
    """Change the columns named in ``changes``. Raises BadRequest and NotFound."""
    key = key_rows.own(org_id, APIKey, key_id)
    _check_virtual_key(org_id, changes.get("virtual_key_id", ""))
    key_rows.change(org_id, key, changes)
    return key_views.of(key)


def rotate(org_id: str, key_id: str, *, overlap_minutes: int = 0, rotation_id: str = "") -> KeyView:
    """Give a key a new secret (:func:`key_secrets.rotate`). Raises Conflict and NotFound."""
    return key_rows.rotate(
        org_id, APIKey, key_id, overlap_minutes=overlap_minutes, rotation_id=rotation_id
    )


def finish_rotation(org_id: str, key_id: str) -> KeyView:
    """The old secret of a key is dead now. Raises NotFound."""
    return key_rows.finish_rotation(org_id, APIKey, key_id)


def delete(org_id: str, key_id: str) -> None:
    """Delete a key with its limits and budgets. Raises NotFound."""
    session.delete(key_rows.own(org_id, APIKey, key_id))
    session.flush()
    ceilings.forget_gone(org_id)
    bump("keys")


def forget_router(org_id: str, router_id: str) -> None:
    """A router is gone, and its virtual keys with it: its API keys open nothing any more."""
    own = (APIKey.org_id == org_id, APIKey.router_id == router_id)
    session.execute(sql_delete(APIKey).where(*own))
    ceilings.forget_gone(org_id)
    bump("keys")


def _check_scope(scope: Scope, router_id: str) -> None:
    if scope == "router" and not router_id:
        raise BadRequest("validation failed", fields={"routerId": ["this field is required"]})
    if scope == "global" and router_id:
        complaint = "must be empty: a global key opens every router"
        raise BadRequest("validation failed", fields={"routerId": [complaint]})


def _check_virtual_key(org_id: str, virtual_key_id: str) -> None:
    if virtual_key_id:
        key_rows.own(org_id, VirtualKey, virtual_key_id)
