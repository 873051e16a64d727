"""Teams: what keys and people of an organization belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import exists as sql_exists
from sqlalchemy import func, select

from hyperstrate.auth.books import ceilings
from hyperstrate.auth.models import Membership, Team, User, UserTeam
from hyperstrate.shared import audit
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import insert, session
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
    _keep_ceilings(team)
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
    _keep_ceilings(team)
    bump("teams")
    return team


def delete(org_id: str, team_id: str) -> None:
    """Delete a team with its keys and memberships. Raises NotFound."""
    session.delete(get(org_id, team_id))
    session.flush()
    ceilings.forget_gone(org_id)
    bump("teams")


def members(
    org_id: str, team_id: str, *, page: int = 1, per_page: int = DEFAULT_PER_PAGE
) -> Page[Membership]:
    """The people of a team, by e-mail. Raises NotFound."""
    own = (
        select(Membership)
        .join(UserTeam, UserTeam.user_id == Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(UserTeam.team_id == get(org_id, team_id).id, Membership.org_id == org_id)
        .order_by(User.email)
    )
    return paginate(own, page=page, per_page=per_page)


def sizes(org_id: str) -> dict[str, int]:
    """id -> how many people, of the teams that have some."""
    rows = session.execute(
        select(UserTeam.team_id, func.count())
        .join(Team, Team.id == UserTeam.team_id)
        .where(Team.org_id == org_id)
        .group_by(UserTeam.team_id)
    )
    return {row[0]: row[1] for row in rows}


def of_person(org_id: str, user_id: str) -> list[Team]:
    """The teams of a person in an organization, by name."""
    own = select(Team).join(UserTeam, UserTeam.team_id == Team.id).order_by(Team.name, Team.id)
    return list(session.scalars(own.where(Team.org_id == org_id, UserTeam.user_id == user_id)))


def add_member(org_id: str, team_id: str, user_id: str) -> None:
    """Put a member of the organization into a team; twice is as good as once. Raises NotFound."""
    team = get(org_id, team_id)
    if session.get(Membership, (user_id, org_id)) is None:
        raise NotFound("user not found")
    place = insert(UserTeam).values(user_id=user_id, team_id=team.id)
    session.execute(place.on_conflict_do_nothing())
    bump("teams")
    _log("add_member", org_id, team_id, {"userId": user_id})


def remove_member(org_id: str, team_id: str, user_id: str) -> None:
    """Take a person out of a team, if they are in it. Raises NotFound for the team."""
    team = get(org_id, team_id)
    session.execute(
        sql_delete(UserTeam).where(UserTeam.user_id == user_id, UserTeam.team_id == team.id)
    )
    bump("teams")
    _log("remove_member", org_id, team_id, {"userId": user_id})


def _keep_ceilings(team: Team) -> None:
    ceilings.keep(
        team.org_id, "team", team.id, requests=team.max_requests, cost_usd=team.max_cost_usd
    )


def _log(what: str, org_id: str, team_id: str, detail: Mapping[str, Any]) -> None:
    audit.log(what, org_id=org_id, object_type="team", object_id=team_id, detail=detail)
