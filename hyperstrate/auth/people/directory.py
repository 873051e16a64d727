"""The people of an organization: their role there, and whether they are enabled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from hyperstrate.auth.models import Membership, Organization, Team, User, UserTeam
from hyperstrate.auth.people import passwords, sessions
from hyperstrate.auth.people.devices import OpenSession
from hyperstrate.shared import audit
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import Conflict, NotFound
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page, paginate

Role = Literal["admin", "member", "viewer"]
ROLES: tuple[Role, ...] = ("admin", "member", "viewer")


def create_user(
    org_id: str,
    email: str,
    *,
    name: str = "",
    role: Role = "member",
    password: str | None = None,
    is_platform_admin: bool = False,
) -> User:
    """A new person with a place in the organization. Raises Conflict when the e-mail is taken."""
    if by_email(email) is not None:
        raise _is_taken()
    user = User(
        org_id=org_id,
        email=email.lower(),
        name=name,
        is_platform_admin=is_platform_admin,
        password_hash=passwords.hashed(password) if password else None,
    )
    session.add(user)
    try:
        session.flush()
    except IntegrityError:
        raise _is_taken() from None
    enroll(org_id, user.id, role)
    return user


def by_email(email: str) -> User | None:
    """The person with this e-mail, of whatever organization."""
    return session.scalar(select(User).where(User.email == email.lower()))


def enroll(org_id: str, user_id: str, role: Role) -> Membership:
    """Give a person who exists a place in an organization. Raises Conflict if they have one."""
    if session.get(Membership, (user_id, org_id)) is not None:
        raise Conflict("this person is a member already")
    member = Membership(user_id=user_id, org_id=org_id, role=role)
    session.add(member)
    session.flush()
    session.refresh(member)
    bump("users")
    return member


def person(org_id: str, user_id: str) -> Membership:
    """One member. Raises NotFound."""
    found = session.get(Membership, (user_id, org_id))
    if found is None:
        raise NotFound("user not found")
    return found


def people(
    org_id: str, *, query: str = "", page: int = 1, per_page: int = DEFAULT_PER_PAGE
) -> Page[Membership]:
    """The members, by e-mail; those whose e-mail or name has ``query`` in it."""
    own = select(Membership).join(User, User.id == Membership.user_id)
    own = own.where(Membership.org_id == org_id).order_by(User.email)
    if query:
        in_name = User.name.icontains(query, autoescape=True)
        own = own.where(or_(in_name, User.email.icontains(query, autoescape=True)))
    return paginate(own, page=page, per_page=per_page)


def names(org_id: str, user_ids: Collection[str]) -> dict[str, str]:
    """id -> name, or e-mail of who has none; of those of ``user_ids`` that are members."""
    own = select(User.id, User.name, User.email).join(Membership, Membership.user_id == User.id)
    rows = session.execute(own.where(Membership.org_id == org_id, User.id.in_(user_ids)))
    return {row.id: row.name or row.email for row in rows}


def change(org_id: str, user_id: str, changes: Mapping[str, Any]) -> Membership:
    """Change ``role``, ``is_enabled`` or ``name``; the first two end the sessions here.

    Raises NotFound, and Conflict for the last admin, for the only place of a platform admin, and
    for the name of somebody who belongs to another organization as well.
    """
    _hold(org_id)
    member = person(org_id, user_id)
    after = {"role": member.role, "is_enabled": member.is_enabled, **changes}
    if member.is_enabled and not after["is_enabled"]:
        _check_platform_admin(member)
    if after["role"] != "admin" or not after["is_enabled"]:
        _check_admin_is_left(member)
    if "name" in changes and changes["name"] != member.user.name:
        _rename(member, changes["name"])
    if (member.role, member.is_enabled) != (after["role"], after["is_enabled"]):
        member.role, member.is_enabled = after["role"], after["is_enabled"]
        member.is_role_mapped = False
        sessions.end_of_member(org_id, user_id)
    session.flush()
    bump("users")
    return member


def remove(org_id: str, user_id: str) -> None:
    """Take a person's place away; a person without another place is deleted.

    Raises NotFound, and Conflict for the last admin and the only place of a platform admin.
    """
    _hold(org_id)
    member = person(org_id, user_id)
    _check_admin_is_left(member)
    _check_platform_admin(member)
    sessions.end_of_member(org_id, user_id)
    own_teams = select(Team.id).where(Team.org_id == org_id)
    session.execute(
        delete(UserTeam).where(UserTeam.user_id == user_id, UserTeam.team_id.in_(own_teams))
    )
    user, other = member.user, _other_place(member)
    session.delete(member)
    session.flush()
    if other is None:
        session.delete(user)
    elif user.org_id == org_id:
        user.org_id = other
    session.flush()
    bump("users")


def leave(org_id: str, user_id: str) -> None:
    """Give up one's own place. Raises Conflict when it is the only one, or the last admin's."""
    if _other_place(person(org_id, user_id)) is None:
        raise Conflict("this is your only organization; an admin can remove you")
    remove(org_id, user_id)


def open_sessions(org_id: str, user_id: str) -> list[OpenSession]:
    """Where a member is signed in to the organization. Raises NotFound."""
    member = person(org_id, user_id)
    found = sessions.of_member(org_id, member.user_id)
    return [OpenSession(item, is_current=False) for item in found]


def end_sessions(org_id: str, user_id: str) -> int:
    """Sign a member out of the organization, everywhere; from how many places. Raises NotFound."""
    ended = sessions.end_of_member(org_id, person(org_id, user_id).user_id)
    detail = {"ended": ended}
    audit.log("sign_out", org_id=org_id, object_type="user", object_id=user_id, detail=detail)
    return ended


def _hold(org_id: str) -> None:
    """Let nobody else change the organization's people until the end of this unit of work.

    A write that changes nothing: PostgreSQL locks the row, SQLite the database.
    """
    session.execute(
        update(Organization)
        .where(Organization.id == org_id)
        .values(modified_at=Organization.modified_at)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()


def _check_admin_is_left(member: Membership) -> None:
    """Raises Conflict if this is the only one who can administrate the organization."""
    if member.role != "admin" or not member.is_enabled:
        return
    others = (
        select(func.count())
        .select_from(Membership)
        .join(User, User.id == Membership.user_id)
        .where(
            Membership.org_id == member.org_id,
            Membership.user_id != member.user_id,
            Membership.role == "admin",
            Membership.is_enabled,
            User.is_enabled,
        )
    )
    if not session.scalar(others):
        raise Conflict("this is the organization's last admin; make somebody else admin first")


def _check_platform_admin(member: Membership) -> None:
    """Raises Conflict if this would lock a platform admin out of the installation."""
    if member.user.is_platform_admin and _other_place(member) is None:
        raise Conflict("this is the only organization of a platform admin")


def _other_place(member: Membership) -> str | None:
    """Another organization of the same person; rather one where they are enabled."""
    others = select(Membership.org_id).where(
        Membership.user_id == member.user_id, Membership.org_id != member.org_id
    )
    return session.scalar(others.order_by(Membership.is_enabled.desc(), Membership.org_id).limit(1))


def _rename(member: Membership, name: str) -> None:
    elsewhere = exists().where(
        Membership.user_id == member.user_id, Membership.org_id != member.org_id
    )
    if session.scalar(select(elsewhere)):
        complaint = "belongs to another organization too and changes it themself"
        raise Conflict(f"this person {complaint}", fields={"name": [complaint]})
    member.user.name = name


def _is_taken() -> Conflict:
    return Conflict("this e-mail is taken", fields={"email": ["is taken"]})
