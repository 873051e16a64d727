"""Limits: how many requests and tokens at a time an organization, team, router or key may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from hyperstrate.auth import scoped
from hyperstrate.auth.models import Limit
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import insert, session
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page, paginate
from hyperstrate.shared.scopes import ScopeKind

AMOUNTS = (
    "requests_per_second",
    "requests_per_minute",
    "tokens_per_minute",
    "concurrent_requests",
)


@dataclass(frozen=True, slots=True)
class LimitView:
    """Limits as a list shows them; ``name`` is empty when what they are of is gone."""

    limit: Limit
    name: str


def get(org_id: str, scope: ScopeKind, scope_id: str) -> Limit:
    """The limits of one of the organization's own; zeros where it has none. Raises NotFound."""
    scoped.check(org_id, scope, scope_id)
    return _found(org_id, scope, scope_id) or _none(org_id, scope, scope_id)


def find(
    org_id: str, *, scope: str = "", page: int = 1, per_page: int = DEFAULT_PER_PAGE
) -> Page[Limit]:
    """What has limits, by scope."""
    wanted = select(Limit).where(Limit.org_id == org_id).order_by(Limit.scope, Limit.id)
    if scope:
        wanted = wanted.where(Limit.scope == scope)
    return paginate(wanted, page=page, per_page=per_page)


def views(org_id: str, limits: Sequence[Limit]) -> list[LimitView]:
    """The organization's ``limits`` with the names of what they are of."""
    scopes = {limit.scope for limit in limits}
    names = {
        scope: scoped.names(org_id, scope, [one.scope_id for one in limits if one.scope == scope])
        for scope in scopes
    }
    own = [limit for limit in limits if limit.org_id == org_id]
    return [LimitView(one, names[one.scope].get(one.scope_id, "")) for one in own]


def on_router(org_id: str, router_id: str) -> dict[str, list[str]]:
    """The limits of every call of a router, in words: of its organization, and its own."""
    scopes: tuple[tuple[ScopeKind, str], ...] = (("organization", org_id), ("router", router_id))
    found = {kind: _found(org_id, kind, scope_id) for kind, scope_id in scopes}
    return {kind: _words(limit) for kind, limit in found.items() if limit is not None}


def _words(limit: Limit) -> list[str]:
    named = {
        f"{limit.requests_per_second:g} requests a second": limit.requests_per_second,
        f"{limit.requests_per_minute:,} requests a minute": limit.requests_per_minute,
        f"{limit.tokens_per_minute:,} tokens a minute": limit.tokens_per_minute,
        f"{limit.concurrent_requests:,} at once": limit.concurrent_requests,
    }
    return [words for words, amount in named.items() if amount]


def set(
    org_id: str,
    scope: ScopeKind,
    scope_id: str,
    *,
    requests_per_second: float = 0.0,
    requests_per_minute: int = 0,
    tokens_per_minute: int = 0,
    concurrent_requests: int = 0,
) -> Limit:
    """Set all limits of a scope; zero means none. Raises NotFound."""
    scoped.check(org_id, scope, scope_id)
    amounts = (requests_per_second, requests_per_minute, tokens_per_minute, concurrent_requests)
    if not any(amounts):
        clear(org_id, scope, scope_id)
        return _none(org_id, scope, scope_id)
    limit = _made(org_id, scope, scope_id)
    for name, amount in zip(AMOUNTS, amounts, strict=True):
        setattr(limit, name, amount)
    session.flush()
    bump("limits")
    return limit


def clear(org_id: str, scope: ScopeKind, scope_id: str) -> None:
    """Take all limits of a scope away, also of one that is gone; none is no error."""
    limit = _found(org_id, scope, scope_id)
    if limit is not None:
        session.delete(limit)
        session.flush()
        bump("limits")


def _found(org_id: str, scope: str, scope_id: str) -> Limit | None:
    own = (Limit.org_id == org_id, Limit.scope == scope, Limit.scope_id == scope_id)
    return session.scalar(select(Limit).where(*own))


def _made(org_id: str, scope: str, scope_id: str) -> Limit:
    """The row of a scope; two who make it at the same time make one."""
    key = {"org_id": org_id, "scope": scope, "scope_id": scope_id}
    session.execute(insert(Limit).values(**key).on_conflict_do_nothing())
    found = _found(org_id, scope, scope_id)
    assert found is not None
    return found


def _none(org_id: str, scope: str, scope_id: str) -> Limit:
    return Limit(org_id=org_id, scope=scope, scope_id=scope_id, **dict.fromkeys(AMOUNTS, 0))
