"""Organizations and their people."""

from __future__ import annotations

import re

from sqlalchemy import exists, select

from hyperstrate.auth import passwords, teams
from hyperstrate.auth.models import Organization, User, UserTeam
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import Conflict, NotFound
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page, paginate


def has_organizations() -> bool:
    """Whether anybody was set up here."""
    return bool(session.scalar(select(exists(select(Organization.id)))))


def create_organization(name: str) -> Organization:
    """A new tenant, empty."""
    organization = Organization(name=name, slug=_slug(name))
    session.add(organization)
    session.flush()
    return organization


def organizations(
    org_id: str, *, page: int = 1, per_page: int = DEFAULT_PER_PAGE
) -> Page[Organization]:
    """The organizations that an admin of ``org_id`` may see: that one."""
    own = select(Organization).where(Organization.id == org_id)
    return paginate(own, page=page, per_page=per_page)


def create_user(
    org_id: str, email: str, *, name: str = "", role: str = "member", password: str | None = None
) -> User:
    """A new person. Raises Conflict when the e-mail is taken, in any organization."""
    if session.scalar(select(exists().where(User.email == email.lower()))):
        raise Conflict("this e-mail is taken", fields={"email": ["is taken"]})
    user = User(
        org_id=org_id,
        email=email.lower(),
        name=name,
        role=role,
        password_hash=passwords.hashed(password) if password else None,
    )
    session.add(user)
    session.flush()
    return user


def user(org_id: str, user_id: str) -> User:
    """One person. Raises NotFound."""
    found = session.scalar(select(User).where(User.org_id == org_id, User.id == user_id))
    if found is None:
        raise NotFound("user not found")
    return found


def users(org_id: str, *, page: int = 1, per_page: int = DEFAULT_PER_PAGE) -> Page[User]:
    """The people of an organization, by e-mail."""
    own = select(User).where(User.org_id == org_id).order_by(User.email)
    return paginate(own, page=page, per_page=per_page)


def join(org_id: str, user_id: str, team_id: str) -> None:
    """Make a person a member of a team of the same organization. Raises NotFound."""
    member = UserTeam(user_id=user(org_id, user_id).id, team_id=teams.get(org_id, team_id).id)
    session.add(member)
    session.flush()
    bump("users")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
