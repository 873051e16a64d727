"""Invitations: a link that the admin passes on makes its reader a member, once and in time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, cast

from sqlalchemy import delete, select, update

from hyperstrate.auth.models import Invitation, Membership, User
from hyperstrate.auth.people import accounts, directory, organizations, passwords, teams
from hyperstrate.auth.people.directory import Role
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared import audit
from hyperstrate.shared.db import now, session
from hyperstrate.shared.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page, paginate

Status = Literal["open", "accepted", "expired"]
DEFAULT_DAYS = 7
MAX_DAYS = 90


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation as lists show it. ``token`` is there once: when it was made."""

    invitation: Invitation
    org_name: str = ""
    token: str = ""

    @property
    def status(self) -> Status:
        if self.invitation.accepted_at:
            return "accepted"
        return "expired" if self.invitation.expires_at <= now() else "open"


def invite(
    org_id: str,
    email: str,
    *,
    role: Role = "member",
    team_ids: Sequence[str] = (),
    expires_in_days: int = DEFAULT_DAYS,
    by: Caller,
) -> InvitationView:
    """A new link for an e-mail; an older one that is still open is withdrawn.

    Raises Conflict for a member, NotFound for a team, Forbidden for ADMIN_EMAIL: who accepts with
    a new password proves no e-mail, and that one would make them platform admin.
    """
    email = email.lower()
    if email == runtime().config.admin_email.lower() and not by.is_platform_admin:
        raise Forbidden("only a platform admin may invite this e-mail")
    if _is_member(org_id, directory.by_email(email)):
        complaint = "is a member already"
        raise Conflict(f"this person {complaint}", fields={"email": [complaint]})
    chosen = [teams.get(org_id, team_id).id for team_id in dict.fromkeys(team_ids)]
    session.execute(delete(Invitation).where(*_open(org_id), Invitation.email == email))
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        org_id=org_id,
        email=email,
        role=role,
        team_ids=chosen,
        token_hash=_hash(token),
        expires_at=now() + timedelta(days=expires_in_days),
        created_by=by.user_id,
    )
    session.add(invitation)
    session.flush()
    return InvitationView(invitation, organizations.get(org_id).name, token)


def find(org_id: str, *, page: int = 1, per_page: int = DEFAULT_PER_PAGE) -> Page[InvitationView]:
    """The organization's invitations, newest first."""
    own = select(Invitation).where(Invitation.org_id == org_id).order_by(Invitation.id.desc())
    found = paginate(own, page=page, per_page=per_page)
    return Page([InvitationView(invitation) for invitation in found.items], found.meta)


def waiting(org_id: str) -> list[InvitationView]:
    """The invitations that were not accepted yet, newest first."""
    own = select(Invitation).where(Invitation.org_id == org_id, Invitation.accepted_at.is_(None))
    return [InvitationView(it) for it in session.scalars(own.order_by(Invitation.id.desc()))]


def revoke(org_id: str, invitation_id: str) -> None:
    """Withdraw an invitation: its link opens nothing any more. Raises NotFound."""
    own = select(Invitation).where(Invitation.org_id == org_id, Invitation.id == invitation_id)
    invitation = session.scalar(own)
    if invitation is None:
        raise NotFound("invitation not found")
    session.delete(invitation)
    session.flush()


def read(token: str) -> InvitationView:
    """The invitation behind a link. Raises NotFound, and Conflict once it is over."""
    wanted = select(Invitation).where(Invitation.token_hash == _hash(token))
    invitation = session.scalar(wanted)
    if invitation is None:
        raise NotFound("this invitation does not exist, or was withdrawn")
    organization = organizations.get(invitation.org_id)
    view = InvitationView(invitation, organization.name)
    if view.status == "accepted":
        raise Conflict("this invitation was used already; sign in")
    if view.status == "expired":
        raise Conflict("this invitation has expired; ask for a new one")
    if not organization.is_enabled:
        raise Conflict("this organization is disabled")
    return view


def has_account(invitation: Invitation) -> bool:
    """The invited person has an account already, of another organization."""
    return directory.by_email(invitation.email) is not None


def accept(
    token: str, *, name: str = "", password: str = "", caller: Caller | None, address: str
) -> User:
    """Make the invited person a member; a new person needs ``name`` and ``password``.

    A person who has an account is signed in as ``caller``, or gives their password. Raises
    NotFound, Conflict, Forbidden, Unauthorized, BadRequest and TooManyRequests.
    """
    invitation = read(token).invitation
    known = directory.by_email(invitation.email)
    if known is not None:
        _check_it_is(known, password, caller, address)
    elif caller is not None:
        raise Forbidden(f"this invitation is for {invitation.email}; sign out first")
    _use_up(invitation)
    role = cast(Role, invitation.role)
    if known is None:
        _check_new(name, password)
        user = directory.create_user(
            invitation.org_id, invitation.email, name=name, role=role, password=password
        )
    else:
        user = known
        directory.enroll(invitation.org_id, user.id, role)
    _join_teams(invitation, user.id)
    user.org_id = invitation.org_id
    session.flush()
    audit.log(
        "accept",
        org_id=invitation.org_id,
        object_type="invitation",
        object_id=invitation.id,
        detail={"email": invitation.email, "role": invitation.role},
        actor=audit.person(user.id, user.email, invitation.org_id),
    )
    return user


def _check_it_is(known: User, password: str, caller: Caller | None, address: str) -> None:
    """Whether who accepts is the person invited."""
    if caller is not None and caller.user_id == known.id:
        return
    if caller is not None and not password:
        raise Forbidden(f"this invitation is for {known.email}; sign in as that person")
    if not password:
        complaint = ["this e-mail has an account: sign in to it, or give its password"]
        raise Unauthorized(complaint[0], fields={"password": complaint})
    accounts.prove(known.email, password, address)


def _check_new(name: str, password: str) -> None:
    wrong: dict[str, list[str]] = {}
    if not name:
        wrong["name"] = ["this field is required"]
    if len(password) < passwords.MIN_LENGTH:
        wrong["password"] = [f"must be at least {passwords.MIN_LENGTH} characters"]
    if wrong:
        raise BadRequest("validation failed", fields=wrong)


def _use_up(invitation: Invitation) -> None:
    """Of two who accept at once, one does."""
    moment: datetime = now()
    used: Any = session.execute(
        update(Invitation)
        .where(Invitation.id == invitation.id, Invitation.accepted_at.is_(None))
        .values(accepted_at=moment)
    )
    if not used.rowcount:
        raise Conflict("this invitation was used already; sign in")


def _join_teams(invitation: Invitation, user_id: str) -> None:
    """Those teams that still exist."""
    for team_id in invitation.team_ids:
        if teams.exists(invitation.org_id, team_id):
            teams.add_member(invitation.org_id, team_id, user_id)


def _is_member(org_id: str, user: User | None) -> bool:
    return user is not None and session.get(Membership, (user.id, org_id)) is not None


def _open(org_id: str) -> tuple[Any, ...]:
    return (Invitation.org_id == org_id, Invitation.accepted_at.is_(None))


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
