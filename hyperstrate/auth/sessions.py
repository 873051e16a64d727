"""Sign-in, passwords, and who a session belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from hyperstrate.auth import directory, passwords
from hyperstrate.auth.models import Organization, User, UserTeam
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.cache import VersionedCache, bump
from hyperstrate.shared.db import now, session
from hyperstrate.shared.errors import BadRequest, Unauthorized
from hyperstrate.shared.guards import Caller


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a person. ``refusal``: why not, empty when welcome."""

    caller: Caller
    org_name: str
    session_version: int
    refusal: str


_people: VersionedCache[str, _Known] = VersionedCache("users", "teams")


def owner(user_id: str, session_version: int) -> Caller:
    """Whose session it is, with today's role, organization and teams. Raises Unauthorized."""
    known = _people.get(user_id, _load)
    if known.session_version != session_version:
        raise _has_ended()
    if known.refusal:
        raise Unauthorized(known.refusal)
    return known.caller


def org_name_of(caller: Caller) -> str:
    """The name of the organization of somebody who is signed in."""
    return _people.get(caller.user_id, _load).org_name


def verify(token: str) -> Caller:
    """Whose session token it is. Raises Unauthorized."""
    claim = runtime().tokens.read(token)
    return owner(claim.user_id, claim.session_version)


def token_for(user: User) -> str:
    """A session token for a person who proved who they are."""
    return runtime().tokens.issue(user.id, org_id=user.org_id, session_version=user.session_version)


def sign_in(email: str, password: str, *, address: str) -> User:
    """The person with this e-mail and password. Raises Unauthorized or TooManyRequests."""
    account = email.lower()
    runtime().throttle.attempt(account, address)
    user = session.scalar(select(User).where(User.email == account))
    is_right = passwords.matches(user.password_hash if user else None, password)
    if user is None or not is_right:
        raise Unauthorized("the e-mail or the password is wrong")
    runtime().throttle.succeeded(account, address)
    refusal = _refusal(user)
    if refusal:
        raise Unauthorized(refusal)
    if user.password_hash and passwords.is_outdated(user.password_hash):
        user.password_hash = passwords.hashed(password)
    user.last_login_at = now()
    if account == runtime().config.admin_email.lower():
        user.role = "admin"
    session.flush()
    return user


def change_password(org_id: str, user_id: str, *, old: str, new: str, address: str) -> User:
    """Give a person a new password, and end all their sessions. Raises BadRequest."""
    user = directory.user(org_id, user_id)
    runtime().throttle.attempt(user.email, address)
    if not passwords.matches(user.password_hash, old):
        raise BadRequest("validation failed", fields={"currentPassword": ["is wrong"]})
    runtime().throttle.succeeded(user.email, address)
    user.password_hash = passwords.hashed(new)
    user.session_version += 1
    session.flush()
    bump("users")
    return user


def _load(user_id: str) -> _Known:
    user = session.get(User, user_id)
    if user is None:
        raise _has_ended()
    teams = session.scalars(select(UserTeam.team_id).where(UserTeam.user_id == user_id))
    caller = Caller(
        org_id=user.org_id,
        kind="session",
        user_id=user.id,
        email=user.email,
        role=user.role,
        team_ids=tuple(teams),
    )
    organization = session.get_one(Organization, user.org_id)
    return _Known(caller, organization.name, user.session_version, _refusal(user))


def _refusal(user: User) -> str:
    if not user.is_enabled:
        return "this user is disabled"
    organization = session.get_one(Organization, user.org_id)
    return "" if organization.is_enabled else "this organization is disabled"


def _has_ended() -> Unauthorized:
    return Unauthorized("this session has ended; sign in again")
