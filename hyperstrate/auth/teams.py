"""Teams: what keys and people of an organization belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import exists as sql_exists
from sqlalchemy import select

from hyperstrate.auth.models import Team
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, MAX_PER_PAGE, Page, paginate

DEFAULT_NAME = "Default"


def create(
    org_id: str,
    name: str,
    *,
    description: str = "",
    max_requests: int = 0,
    max_cost_usd: float = 0.0,
) -> Team:
    """A new team. Ceilings of zero mean none."""
    team = Team(
        org_id=org_id,
        name=name,
        description=description,
        max_requests=max_requests,
        max_cost_usd=max_cost_usd,
    )
    session.add(team)
    session.flush()
    return team


def get(org_id: str, team_id: str) -> Team:
    """One team. Raises NotFound."""
    team = session.scalar(select(Team).where(Team.org_id == org_id, Team.id == team_id))
    if team is None:
        raise NotFound("team not found")
    return team


def exists(org_id: str, team_id: str) -> bool:
    """Whether the organization has this team."""
    found = sql_exists().where(Team.org_id == org_id, Team.id == team_id)
    return bool(session.scalar(select(found)))


def names(org_id: str) -> dict[str, str]:
    """id -> name of all teams, by name."""
    rows = session.execute(
        select(Team.id, Team.name).where(Team.org_id == org_id).order_by(Team.name, Team.id)
    )
    return {row.id: row.name for row in rows}


def default(org_id: str) -> Team:
    """The team of keys for which none was named: the oldest that is enabled. Raises NotFound."""
    enabled = select(Team).where(Team.org_id == org_id, Team.is_enabled).order_by(Team.id)
    team = session.scalar(enabled.limit(1))
    if team is None:
        raise NotFound("there is no enabled team")
    return team


def find(
    org_id: str,
    *,
    ids: Sequence[str] = (),
    query: str = "",
    page: int = 1,
    per_page: int = DEFAULT_PER_PAGE,
) -> Page[Team]:
    """Teams by name; those of ``ids`` come on one page."""
    wanted = select(Team).where(Team.org_id == org_id).order_by(Team.name, Team.id)
    if ids:
        return paginate(wanted.where(Team.id.in_(ids)), per_page=MAX_PER_PAGE)
    if query:
        wanted = wanted.where(Team.name.icontains(query, autoescape=True))
    return paginate(wanted, page=page, per_page=per_page)


def update(org_id: str, team_id: str, changes: Mapping[str, Any]) -> Team:
    """Change the columns named in ``changes``. Raises NotFound."""
    team = get(org_id, team_id)
    for column, value in changes.items():
        setattr(team, column, value)
    session.flush()
    bump("teams")
    return team


def delete(org_id: str, team_id: str) -> None:
    """Delete a team with its keys and memberships. Raises NotFound."""
    session.delete(get(org_id, team_id))
    session.flush()
    bump("teams")
