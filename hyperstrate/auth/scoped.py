"""What limits and budgets are of: whether the organization has it, and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import select

from hyperstrate.auth.models import APIKey, Organization, Team, VirtualKey
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import NotFound

Names = Callable[[str, Iterable[str]], Mapping[str, str]]


def check(org_id: str, scope: str, scope_id: str) -> None:
    """Raises NotFound for what the organization has not."""
    if scope_id not in _NAMES[scope](org_id, [scope_id]):
        raise NotFound(f"{scope.replace('_', ' ')} not found")


def names(org_id: str, scope: str, scope_ids: Iterable[str]) -> Mapping[str, str]:
    """id -> name of those that the organization has."""
    return _NAMES[scope](org_id, list(scope_ids))


def choices(org_id: str, scope: str) -> list[tuple[str, str]]:
    """(id, name) of everything of this kind, by name."""
    if scope == "router":
        found = runtime().routers.names(org_id)
    elif scope == "organization":
        found = dict(_organization(org_id, [org_id]))
    else:
        table = _TABLES[scope]
        rows = session.execute(select(table.id, table.name).where(table.org_id == org_id))
        found = {row.id: row.name for row in rows}
    return sorted(found.items(), key=lambda item: item[1].lower())


def _organization(org_id: str, ids: Iterable[str]) -> Mapping[str, str]:
    name = session.scalar(select(Organization.name).where(Organization.id == org_id))
    return {org_id: name} if name is not None and org_id in ids else {}


def _rows(table: type[Team | APIKey | VirtualKey]) -> Names:
    def found(org_id: str, ids: Iterable[str]) -> Mapping[str, str]:
        own = (table.org_id == org_id, table.id.in_(list(ids)))
        rows = session.execute(select(table.id, table.name).where(*own))
        return {row.id: row.name for row in rows}

    return found


_TABLES: Mapping[str, type[Team | APIKey | VirtualKey]] = {
    "team": Team,
    "api_key": APIKey,
    "virtual_key": VirtualKey,
}
_NAMES: Mapping[str, Names] = {
    "organization": _organization,
    "team": _rows(Team),
    "router": lambda org_id, ids: runtime().routers.names(org_id, ids),
    "api_key": _rows(APIKey),
    "virtual_key": _rows(VirtualKey),
}
