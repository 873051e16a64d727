"""Organizations: the tenants of this installation, and which of them a person belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import exists, func, select, update

from hyperstrate.auth.models import Membership, Organization, Session, User
from hyperstrate.auth.people import sessions, teams
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import Conflict, NotFound
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page, paginate


@dataclass(frozen=True, slots=True)
class Place:
    """An organization that a person belongs to, and as what."""

    id: str
    name: str
    role: str


def any_exists() -> bool:
    """Whether anybody was set up here."""
    return bool(session.scalar(select(exists(select(Organization.id)))))


def create(name: str, *, founder_id: str = "") -> Organization:
    """A new tenant with its default team; ``founder_id`` becomes its admin."""
    organization = Organization(name=name, slug=_slug(name))
    session.add(organization)
    session.flush()
    team = teams.create(organization.id, teams.DEFAULT_NAME)
    if founder_id:
        session.add(Membership(user_id=founder_id, org_id=organization.id, role="admin"))
        session.flush()
        teams.add_member(organization.id, team.id, founder_id)
    return organization


def find(*, query: str = "", page: int = 1, per_page: int = DEFAULT_PER_PAGE) -> Page[Organization]:
    """All tenants, by name."""
    wanted = select(Organization).order_by(Organization.name, Organization.id)
    if query:
        wanted = wanted.where(Organization.name.icontains(query, autoescape=True))
    return paginate(wanted, page=page, per_page=per_page)


def get(org_id: str) -> Organization:
    """One tenant. Raises NotFound."""
    found = session.get(Organization, org_id)
    if found is None:
        raise NotFound("organization not found")
    return found


def places(user_id: str) -> list[Place]:
    """Where a person may work now, by name."""
    rows = session.execute(
        select(Organization.id, Organization.name, Membership.role)
        .join(Membership, Membership.org_id == Organization.id)
        .where(Membership.user_id == user_id, Membership.is_enabled, Organization.is_enabled)
        .order_by(Organization.name, Organization.id)
    )
    return [Place(*row) for row in rows]


def change(org_id: str, changes: Mapping[str, Any], *, working_in: str) -> Organization:
    """Rename, enable or disable. Raises NotFound, and Conflict for disabling where one works."""
    organization = get(org_id)
    if changes.get("is_enabled") is False:
        _check_not_inside(org_id, working_in, "disabled")
    for column, value in changes.items():
        setattr(organization, column, value)
    organization.slug = _slug(organization.name)
    session.flush()
    if changes.get("is_enabled") is False:
        sessions.end_of_organization(org_id)
    _bump_all()
    return organization


def delete(org_id: str, *, working_in: str) -> None:
    """Delete a tenant with all it has. Who belongs to no other goes with it.

    Raises NotFound, and Conflict for the one in which one works.
    """
    get(org_id)
    _check_not_inside(org_id, working_in, "deleted")
    sessions.end_of_organization(org_id)
    _let_people_work_elsewhere(org_id)
    session.execute(sql_delete(Session).where(Session.org_id == org_id))
    session.delete(get(org_id))
    session.flush()
    _bump_all()


def _let_people_work_elsewhere(org_id: str) -> None:
    """Who last worked here works where else they belong; who belongs nowhere else stays put."""
    other = (
        select(func.min(Membership.org_id))
        .where(Membership.user_id == User.id, Membership.org_id != org_id)
        .scalar_subquery()
    )
    session.execute(
        update(User)
        .where(User.org_id == org_id, other.is_not(None))
        .values(org_id=other)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()


def _check_not_inside(org_id: str, working_in: str, done: str) -> None:
    if org_id == working_in:
        raise Conflict(f"the organization in which you work cannot be {done}; switch to another")


def _bump_all() -> None:
    for topic in ("users", "teams", "keys"):
        bump(topic)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
