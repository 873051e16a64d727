"""What people do with their own account: sign in, change their password, switch, sign out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from hyperstrate.auth.models import Membership, Organization, Session, User
from hyperstrate.auth.people import directory, organizations, passwords, sessions
from hyperstrate.auth.people.organizations import Place
from hyperstrate.auth.people.sessions import Device
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.sso import providers
from hyperstrate.shared import audit
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import now, session
from hyperstrate.shared.errors import BadRequest, Forbidden, NotFound, Unauthorized
from hyperstrate.shared.guards import Caller


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as they see themself: in one organization, with all of those they belong to."""

    user: User
    org_id: str
    role: str
    is_enabled: bool
    organizations: list[Place]


def profile(org_id: str, user_id: str) -> Profile:
    """Who is signed in. Raises NotFound."""
    member = directory.person(org_id, user_id)
    places = organizations.places(user_id)
    return Profile(member.user, org_id, member.role, member.is_enabled, places)


def sign_in(email: str, password: str, device: Device) -> Session:
    """A session for who has this e-mail and password. Raises Unauthorized or TooManyRequests."""
    return welcome(prove(email, password, device.address), device, is_email_proven=True)


def prove(email: str, password: str, address: str) -> User:
    """The person with this e-mail and password. Raises Unauthorized or TooManyRequests."""
    account = email.lower()
    runtime().throttle.attempt(account, address)
    user = directory.by_email(account)
    checked = user.password_hash if user else None
    is_right = passwords.matches(checked, password)
    if user is None or checked is None or not is_right or not _is_still(user.id, checked):
        org_id = user.org_id if user else ""
        reason = "the e-mail or the password is wrong"
        audit.refused_sign_in(account, "password", reason, org_id=org_id)
        raise Unauthorized("the e-mail or the password is wrong")
    runtime().throttle.succeeded(account, address)
    if passwords.is_outdated(checked):
        user.password_hash = passwords.hashed(password)
    return user


def welcome(
    user: User, device: Device, *, is_email_proven: bool, method: str = "password"
) -> Session:
    """A session for a person who proved who they are. Raises Unauthorized.

    Who proved that ADMIN_EMAIL is theirs becomes platform admin, and admin where they work.
    """
    member = _place_to_work(user, method)
    if is_email_proven and user.email == runtime().config.admin_email.lower():
        user.is_platform_admin, member.role = True, "admin"
        bump("users")
    user.org_id, user.last_login_at = member.org_id, now()
    session.flush()
    audit.log(
        "sign_in",
        org_id=member.org_id,
        object_type="user",
        object_id=user.id,
        detail={"email": user.email, "method": method},
        actor=audit.person(user.id, user.email, member.org_id),
    )
    return sessions.begin(user.id, member.org_id, device, method=method)


def switch(caller: Caller, org_id: str, device: Device) -> Session:
    """Go on in another organization of the same person; the session before ends.

    A browser stays where it is when a program asks for a token by its cookie. Raises NotFound
    where they may not work.
    """
    place = next((it for it in organizations.places(caller.user_id) if it.id == org_id), None)
    if place is None:
        raise NotFound("organization not found")
    before = sessions.get(caller.user_id, caller.session_id)
    user = session.get_one(User, caller.user_id)
    refusal = providers.refusal(before.method, user, organizations.get(org_id))
    if refusal:
        raise Forbidden(refusal)
    user.org_id = org_id
    begun = sessions.begin(caller.user_id, org_id, device, method=before.method)
    if before.kind == device.kind:
        sessions.end(caller.user_id, before.id)
    return begun


def refresh(caller: Caller, device: Device) -> Session:
    """The same session for longer; by a browser's cookie, a new one for the program that asks."""
    before = sessions.get(caller.user_id, caller.session_id)
    if before.kind == device.kind:
        return sessions.prolong(caller.user_id, before.id)
    return sessions.begin(caller.user_id, caller.org_id, device, method=before.method)


def rename(org_id: str, user_id: str, name: str) -> Profile:
    """Change one's own name. Raises NotFound."""
    directory.person(org_id, user_id).user.name = name
    session.flush()
    return profile(org_id, user_id)


def change_password(org_id: str, user_id: str, *, old: str, new: str, device: Device) -> Session:
    """Give a person a new password, and end all their sessions but the new one.

    Raises BadRequest and TooManyRequests.
    """
    user = directory.person(org_id, user_id).user
    runtime().throttle.attempt(user.email, device.address)
    checked = user.password_hash
    if not passwords.matches(checked, old) or not _is_still(user_id, checked):
        raise BadRequest("validation failed", fields={"currentPassword": ["is wrong"]})
    runtime().throttle.succeeded(user.email, device.address)
    user.password_hash = passwords.hashed(new)
    session.flush()
    begun = sessions.begin(user_id, org_id, device)
    sessions.end_others(user_id, but=begun.id)
    audit.log("change_password", org_id=org_id, object_type="user", object_id=user_id)
    return begun


def _is_still(user_id: str, password_hash: str | None) -> bool:
    """The hash that was checked is the one that counts: nobody changed it while we looked.

    The row stays locked until the end of this unit of work.
    """
    held: Any = session.execute(
        update(User)
        .where(User.id == user_id, User.password_hash == password_hash)
        .values(modified_at=User.modified_at)
        .execution_options(synchronize_session=False)
    )
    return bool(held.rowcount)


def _place_to_work(user: User, method: str) -> Membership:
    """The organization last worked in, else one that lets the person in. Raises Unauthorized."""
    rows = session.execute(
        select(Membership, Organization)
        .join(Organization, Organization.id == Membership.org_id)
        .where(Membership.user_id == user.id)
        .order_by(Membership.org_id != user.org_id, Membership.org_id)
    )
    refusals = [
        (member, sessions.refusal(user, member, where) or providers.refusal(method, user, where))
        for member, where in rows
    ]
    for member, refusal in refusals:
        if not refusal:
            return member
    refusal = refusals[0][1] if refusals else "this user belongs to no organization"
    audit.refused_sign_in(user.email, method, refusal, org_id=user.org_id)
    raise Unauthorized(refusal)
