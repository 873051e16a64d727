"""What is done to a key of any kind: found, changed, rotated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, or_, select, update

from hyperstrate.auth.keys import key_secrets, key_views
from hyperstrate.auth.keys.key_secrets import Key
from hyperstrate.auth.keys.key_views import KeyView
from hyperstrate.auth.models import APIKey, VirtualKey
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import now, session
from hyperstrate.shared.errors import BadRequest, NotFound
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page, paginate

K = TypeVar("K", APIKey, VirtualKey)
NEVER = "never"


def own(org_id: str, kind: type[K], key_id: str) -> K:
    """The organization's key. Raises NotFound."""
    key = session.scalar(select(kind).where(kind.org_id == org_id, kind.id == key_id))
    if key is None:
        noun = "API key" if kind is APIKey else "virtual key"
        raise NotFound(f"{noun} not found")
    return key


def find(
    org_id: str,
    kind: type[K],
    *where: ColumnElement[bool],
    unused: str = "",
    page: int = 1,
    per_page: int = DEFAULT_PER_PAGE,
) -> Page[KeyView]:
    """The keys of an organization, newest first. ``unused``: never, or for so many days."""
    wanted = select(kind).where(kind.org_id == org_id, *where).order_by(kind.id.desc())
    if unused:
        wanted = wanted.where(_is_unused(kind, unused))
    found = paginate(wanted, page=page, per_page=per_page)
    return Page(key_views.of_all(org_id, found.items), found.meta)


def _is_unused(kind: type[K], unused: str) -> ColumnElement[bool]:
    uses = (kind.last_used_at, kind.previous_last_used_at)
    if unused == NEVER:
        return and_(*(use.is_(None) for use in uses))
    since = now() - timedelta(days=int(unused))
    return and_(kind.created_at < since, *(or_(use.is_(None), use < since) for use in uses))


def change(org_id: str, key: Key, changes: Mapping[str, Any]) -> None:
    """Set the columns named in ``changes``. Raises BadRequest and NotFound."""
    check_routers(org_id, key.router_id, changes.get("allowed_routers", ()))
    for column, value in changes.items():
        setattr(key, column, value)
    session.flush()
    bump("keys")


def check_routers(org_id: str, router_id: str, allowed: Collection[str]) -> None:
    """Whether a key may name these routers in its rules. Raises BadRequest and NotFound."""
    if allowed and router_id:
        complaint = "must be empty: this key opens one router only"
        raise BadRequest("validation failed", fields={"allowedRouters": [complaint]})
    if set(allowed) - runtime().routers.names(org_id, allowed).keys():
        raise NotFound("router not found")


def rotate(
    org_id: str, kind: type[K], key_id: str, *, overlap_minutes: int = 0, rotation_id: str = ""
) -> KeyView:
    """Give a key a new secret (:func:`key_secrets.rotate`). Raises Conflict and NotFound.

    Two who do it at the same time do it one after the other.
    """
    same = {kind.rotation_id: kind.rotation_id, kind.modified_at: kind.modified_at}
    session.execute(
        update(kind)
        .where(kind.org_id == org_id, kind.id == key_id)
        .values(same)
        .execution_options(synchronize_session=False)
    )
    key = own(org_id, kind, key_id)
    session.refresh(key)
    plaintext = key_secrets.rotate(key, overlap_minutes=overlap_minutes, rotation_id=rotation_id)
    session.flush()
    bump("keys")
    return key_views.of(key, plaintext=plaintext or "")


def finish_rotation(org_id: str, kind: type[K], key_id: str) -> KeyView:
    """The old secret of a key is dead now. Raises NotFound."""
    key = own(org_id, kind, key_id)
    key_secrets.finish(key)
    session.flush()
    bump("keys")
    return key_views.of(key)
