"""Virtual keys: of one router, with ceilings of their own; issue, change, rotate, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from hyperstrate.auth.books import ceilings
from hyperstrate.auth.keys import key_rows, key_secrets, key_views
from hyperstrate.auth.keys.key_views import KeyView
from hyperstrate.auth.models import APIKey, VirtualKey
from hyperstrate.auth.people import teams
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import Conflict, NotFound
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page


def issue(
    org_id: str,
    name: str,
    *,
    router_id: str,
    team_id: str = "",
    created_by: str = "",
    **columns: Any,
) -> KeyView:
    """A new key; ``columns`` are ceilings and rules. Raises BadRequest and NotFound."""
    if not runtime().routers.exists(org_id, router_id):
        raise NotFound("router not found")
    key_rows.check_routers(org_id, router_id, columns.get("allowed_routers", ()))
    key = VirtualKey(
        org_id=org_id,
        router_id=router_id,
        team=teams.get(org_id, team_id) if team_id else None,
        name=name,
        created_by=created_by,
        **columns,
    )
    plaintext = key_secrets.renew(key)
    session.add(key)
    session.flush()
    _keep_ceilings(key)
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
    """The virtual keys of an organization, newest first."""
    where = [VirtualKey.router_id == router_id] if router_id else []
    if team_id:
        where.append(VirtualKey.team_id == team_id)
    return key_rows.find(org_id, VirtualKey, *where, unused=unused, page=page, per_page=per_page)


def names(org_id: str) -> dict[str, str]:
    """id -> name of all virtual keys."""
    own = select(VirtualKey.id, VirtualKey.name).where(VirtualKey.org_id == org_id)
    return {row.id: row.name for row in session.execute(own)}


def get(org_id: str, key_id: str) -> KeyView:
    """One key. Raises NotFound."""
    return key_views.of(key_rows.own(org_id, VirtualKey, key_id))


def change(org_id: str, key_id: str, changes: Mapping[str, Any]) -> KeyView:
    """Change the columns named in ``changes``. Raises BadRequest and NotFound."""
    key = key_rows.own(org_id, VirtualKey, key_id)
    key_rows.change(org_id, key, changes)
    _keep_ceilings(key)
    return key_views.of(key)


def rotate(org_id: str, key_id: str, *, overlap_minutes: int = 0, rotation_id: str = "") -> KeyView:
    """Give a key a new secret (:func:`key_secrets.rotate`). Raises Conflict and NotFound."""
    return key_rows.rotate(
        org_id, VirtualKey, key_id, overlap_minutes=overlap_minutes, rotation_id=rotation_id
    )


def finish_rotation(org_id: str, key_id: str) -> KeyView:
    """The old secret of a key is dead now. Raises NotFound."""
    return key_rows.finish_rotation(org_id, VirtualKey, key_id)


def delete(org_id: str, key_id: str) -> None:
    """Delete a key with its limits and budgets. Raises NotFound.

    Conflict while API keys count on it: they would be without its ceilings.
    """
    key = key_rows.own(org_id, VirtualKey, key_id)
    counting = (APIKey.org_id == org_id, APIKey.virtual_key_id == key_id)
    count = session.scalar(select(func.count()).select_from(APIKey).where(*counting))
    if count:
        raise Conflict(f"API keys count on this virtual key: {count}; let go of it there first")
    session.delete(key)
    session.flush()
    ceilings.forget_gone(org_id)
    bump("keys")


def _keep_ceilings(key: VirtualKey) -> None:
    ceilings.keep(
        key.org_id,
        "virtual_key",
        key.id,
        requests=key.max_requests,
        cost_usd=key.max_cost_usd,
        period=key.reset_period,
    )
