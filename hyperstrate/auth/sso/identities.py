"""Whose account here somebody at an identity provider opens, and who becomes one of us."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from hyperstrate.auth.models import Identity, Invitation, Membership, Organization, User
from hyperstrate.auth.people import directory, sessions, teams
from hyperstrate.auth.people.directory import Role
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.sso import groups as sso_groups
from hyperstrate.auth.sso.claims import Account
from hyperstrate.auth.sso.groups import Outcome
from hyperstrate.auth.sso.oidc import Provider
from hyperstrate.shared.db import now, session
from hyperstrate.shared.errors import Conflict, Forbidden


@dataclass(frozen=True, slots=True)
class Admission:
    """Who is let in, where, and what their groups did."""

    user: User
    org_id: str
    groups: Outcome
    is_new: bool


def admit(provider: Provider, account: Account) -> Admission:
    """Let in the person whom ``account`` belongs to; the first time, make or link them.

    An account is known by issuer and subject. By its e-mail it is linked once, and only to people
    whom the provider may speak for. Raises Forbidden and Conflict.
    """
    _check_domain(provider, account)
    identity = _identity(account)
    user = session.get(User, identity.user_id) if identity and identity.user_id else None
    if user is None:
        user = directory.by_email(account.email)
        if user is not None:
            _check_may_link(provider, account, user)
    elif provider.org_id and user.is_platform_admin:
        raise _no_platform_admins()
    is_new = user is None
    try:
        if user is None:
            user, org_id = _newcomer(provider, account, was_here=identity is not None)
        else:
            org_id = _place(provider, account, user)
        _keep(identity, account, user)
    except IntegrityError:
        raise Conflict("somebody signed in with this account just now; try again") from None
    return _let_in(provider, account, user, org_id, is_new=is_new)


def _let_in(
    provider: Provider, account: Account, user: User, org_id: str, *, is_new: bool
) -> Admission:
    if provider.org_id is None and account.email == runtime().config.admin_email.lower():
        user.is_platform_admin = True
    member = directory.person(org_id, user.id)
    organization = session.get_one(Organization, org_id)
    reason = sessions.refusal(user, member, organization)
    if reason:
        raise Forbidden(reason)
    user.last_login_at = now()
    user.name = user.name or account.name
    user.avatar = account.avatar or user.avatar
    session.flush()
    groups = sso_groups.apply(org_id, user.id, account.groups, default_role=provider.default_role)
    return Admission(user, org_id, groups, is_new)


def _check_domain(provider: Provider, account: Account) -> None:
    domain = account.email.rpartition("@")[2]
    if provider.domains and domain not in provider.domains:
        raise Forbidden(f"{provider.name} lets nobody of {domain} in here")


def _check_may_link(provider: Provider, account: Account, user: User) -> None:
    """Raises Forbidden where an e-mail alone would open what the provider has no say over.

    An organization's provider may speak for those who belong to that organization alone.
    """
    known = select(Identity.id).where(
        Identity.user_id == user.id, Identity.issuer == account.issuer
    )
    if session.scalar(known.limit(1)):
        raise Forbidden(
            "this e-mail belonged to another account of the provider; an admin can sort it out"
        )
    if provider.org_id is None:
        return
    if user.is_platform_admin:
        raise _no_platform_admins()
    places = select(Membership.org_id).where(Membership.user_id == user.id)
    if set(session.scalars(places)) != {provider.org_id}:
        raise Forbidden(
            "this e-mail has an account in another organization, which this provider cannot open"
        )


def _newcomer(provider: Provider, account: Account, *, was_here: bool) -> tuple[User, str]:
    """A person who had no account: ``was_here`` says that they had one, and were removed."""
    org_id = provider.org_id or _home_of_strangers(account)
    invitation = _invitation(account, org_id)
    if invitation is None and was_here:
        raise Forbidden("your account was removed; an admin can invite you again")
    if invitation is None and not provider.default_role:
        raise Forbidden("only people with an invitation get in; ask an admin for one")
    role = _role(invitation.role if invitation else provider.default_role)
    user = directory.create_user(org_id, account.email, name=account.name, role=role)
    _accept(invitation, user)
    return user, org_id


def _role(name: str) -> Role:
    return next(role for role in directory.ROLES if role == name)


def _home_of_strangers(account: Account) -> str:
    """Where a provider of the installation brings somebody new: whoever invited them, else the
    only organization."""
    invitation = _invitation(account)
    if invitation is not None:
        return invitation.org_id
    only = session.scalars(select(Organization.id).limit(2)).all()
    if not only:
        raise Forbidden("this installation is not set up yet")
    if len(only) > 1:
        raise Forbidden("you belong to no organization here; ask an admin for an invitation")
    return only[0]


def _place(provider: Provider, account: Account, user: User) -> str:
    """The organization in which somebody with an account works from now on."""
    org_id = provider.org_id or _usual_place(user)
    if org_id and session.get(Membership, (user.id, org_id)):
        return org_id
    invitation = _invitation(account, org_id or "")
    if invitation is None:
        raise Forbidden("you are not a member of this organization; ask an admin to invite you")
    directory.enroll(invitation.org_id, user.id, _role(invitation.role))
    _accept(invitation, user)
    return invitation.org_id


def _usual_place(user: User) -> str | None:
    """Where a person worked last, if they still may; else another of their organizations."""
    places = (
        select(Membership.org_id)
        .join(Organization, Organization.id == Membership.org_id)
        .where(Membership.user_id == user.id)
        .order_by(
            (Membership.is_enabled & Organization.is_enabled).desc(),
            (Membership.org_id == user.org_id).desc(),
            Membership.org_id,
        )
    )
    found: str | None = session.scalar(places.limit(1))
    return found


def _invitation(account: Account, org_id: str = "") -> Invitation | None:
    """The newest that still waits for this e-mail, of one organization or any."""
    waiting = select(Invitation).where(
        Invitation.email == account.email,
        Invitation.accepted_at.is_(None),
        Invitation.expires_at > now(),
    )
    if org_id:
        waiting = waiting.where(Invitation.org_id == org_id)
    return session.scalar(waiting.order_by(Invitation.id.desc()).limit(1))


def _accept(invitation: Invitation | None, user: User) -> None:
    if invitation is None:
        return
    invitation.accepted_at = now()
    for team_id in invitation.team_ids:
        if teams.exists(invitation.org_id, team_id):
            teams.add_member(invitation.org_id, team_id, user.id)
    session.flush()


def _identity(account: Account) -> Identity | None:
    own = (Identity.issuer == account.issuer, Identity.subject == account.subject)
    return session.scalar(select(Identity).where(*own))


def _keep(identity: Identity | None, account: Account, user: User) -> None:
    if identity is None:
        identity = Identity(issuer=account.issuer, subject=account.subject)
        session.add(identity)
    identity.user_id = user.id
    identity.last_login_at = now()
    session.flush()


def _no_platform_admins() -> Forbidden:
    return Forbidden(
        "a platform admin signs in with a password, or by a provider of the installation"
    )
