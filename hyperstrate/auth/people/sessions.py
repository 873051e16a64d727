"""Who is signed in: sessions begin, are asked for on every request, and end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from time import time
from typing import Any, Literal

import structlog
from cachetools import TTLCache
from sqlalchemy import ColumnElement, and_, case, delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from hyperstrate.auth.models import Membership, Organization, Session, Team, User, UserTeam
from hyperstrate.auth.people.tokens import Claim
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared import audit
from hyperstrate.shared.cache import VersionedCache, bump
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.errors import NotFound, Unauthorized
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.locks import brief_lock

log = structlog.get_logger(__name__)
Kind = Literal["browser", "api"]
IDLE = timedelta(days=14)
TOKEN_LIFETIME = timedelta(hours=24)
SEEN_EVERY_S = 60
KEPT_AFTER_THE_END = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Device:
    """What somebody signs in with: a browser that keeps a cookie, or a program with a token."""

    kind: Kind
    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a session. ``expires_at`` is Unix seconds; ``refusal``: why not."""

    caller: Caller
    org_name: str
    places: tuple[tuple[str, str], ...]
    expires_at: float
    refusal: str


_known: VersionedCache[str, _Known] = VersionedCache("sessions", "users", "teams")
_noted: TTLCache[str, bool] = TTLCache(10_000, SEEN_EVERY_S)
_noted_lock = brief_lock()


def begin(user_id: str, org_id: str, device: Device, *, method: str = "password") -> Session:
    """A session of a person who proved who they are; ``method`` says how."""
    _forget_old(user_id)
    begun = Session(
        user_id=user_id,
        org_id=org_id,
        kind=device.kind,
        method=method[:50],
        address=device.address[:50],
        user_agent=device.user_agent[:300],
        expires_at=now() + _lifetime(device.kind),
    )
    session.add(begun)
    session.flush()
    return begun


def token_for(signed: Session) -> str:
    """The token that stands for a session; as good as its cookie."""
    claim = Claim(signed.user_id, signed.id)
    return runtime().tokens.issue(claim, org_id=signed.org_id, expires_at=signed.expires_at)


def verify(token: str) -> Caller:
    """Whose session token it is. Raises Unauthorized."""
    claim = runtime().tokens.read(token)
    caller = owner(claim.session_id)
    if caller.user_id != claim.user_id:
        raise _has_ended()
    return caller


def owner(session_id: str) -> Caller:
    """Whose session it is, with today's role, organization and teams. Raises Unauthorized."""
    known = _known.get(session_id, _load)
    if known.expires_at <= time():
        _known.drop(session_id)  # it may have been prolonged since
        known = _known.get(session_id, _load)
    if known.refusal:
        raise Unauthorized(known.refusal)
    return known.caller


def org_name_of(caller: Caller) -> str:
    """The name of the organization of somebody who is signed in."""
    return _known.get(caller.session_id, _load).org_name


def places_of(caller: Caller) -> tuple[tuple[str, str], ...]:
    """The other organizations of somebody who is signed in: id and name."""
    return _known.get(caller.session_id, _load).places


def get(user_id: str, session_id: str) -> Session:
    """A person's session that has not ended. Raises NotFound."""
    found: Session | None = session.scalar(_live(user_id).where(Session.id == session_id))
    if found is None:
        raise NotFound("session not found")
    return found


def find(user_id: str) -> list[Session]:
    """Where a person is signed in, the latest used first."""
    return list(session.scalars(_live(user_id).order_by(Session.last_seen_at.desc(), Session.id)))


def of_member(org_id: str, user_id: str) -> list[Session]:
    """Where a person is signed in to an organization."""
    return [found for found in find(user_id) if found.org_id == org_id]


def prolong(user_id: str, session_id: str) -> Session:
    """Let a session run as long as a new one. Raises NotFound."""
    found = get(user_id, session_id)
    found.expires_at = now() + _lifetime(found.kind)
    session.flush()
    bump("sessions")
    return found


def note_use(session_id: str) -> None:
    """Note that a session is in use, at most once a minute; a browser's runs on from there.

    It writes, in a unit of work of its own after the request's: not for the request path. A
    database that is away is logged.
    """
    with _noted_lock:
        if session_id in _noted:
            return
        _noted[session_id] = True
    try:
        session.rollback()
        with unit_of_work():
            _write_use(session_id, now())
    except SQLAlchemyError as error:
        log.warning("session_use_not_noted", error=str(error))


def _write_use(session_id: str, moment: datetime) -> None:
    runs_on = case((Session.kind == "browser", moment + IDLE), else_=Session.expires_at)
    session.execute(
        update(Session)
        .where(
            Session.id == session_id,
            Session.revoked_at.is_(None),
            Session.last_seen_at < moment - timedelta(seconds=SEEN_EVERY_S),
        )
        .values(last_seen_at=moment, expires_at=runs_on)
        .execution_options(synchronize_session=False)
    )


def end(user_id: str, session_id: str) -> None:
    """End one session of a person. Raises NotFound."""
    _revoke(Session.id == get(user_id, session_id).id)
    audit.log("revoke", object_type="session", object_id=session_id)


def end_others(user_id: str, *, but: str = "") -> int:
    """End a person's sessions, except that of the id ``but``; how many there were."""
    ended = _revoke(Session.user_id == user_id, Session.id != but)
    audit.log("revoke", object_type="user", object_id=user_id, detail={"ended": ended})
    return ended


def end_of_member(org_id: str, user_id: str) -> int:
    """End a person's sessions in an organization; how many there were."""
    return _revoke(Session.user_id == user_id, Session.org_id == org_id)


def end_of_organization(org_id: str, *which: ColumnElement[bool]) -> int:
    """End the sessions in an organization, or ``which`` of them; how many there were."""
    return _revoke(Session.org_id == org_id, *which)


def ids_of_organization(org_id: str, *which: ColumnElement[bool]) -> list[str]:
    """The sessions in an organization that run, or ``which`` of them."""
    is_live = (Session.revoked_at.is_(None), Session.expires_at > now())
    return list(
        session.scalars(select(Session.id).where(Session.org_id == org_id, *is_live, *which))
    )


def _revoke(*which: Any) -> int:
    is_live = and_(Session.revoked_at.is_(None), Session.expires_at > now())
    ended: Any = session.execute(
        update(Session)
        .where(is_live, *which)
        .values(revoked_at=now())
        .execution_options(synchronize_session="fetch")
    )
    bump("sessions")
    return int(ended.rowcount)


def _load(session_id: str) -> _Known:
    """What is to be known of a session that has not ended. Raises Unauthorized."""
    found = session.execute(
        select(Session, User, Membership, Organization)
        .join(User, User.id == Session.user_id)
        .join(
            Membership,
            and_(Membership.user_id == Session.user_id, Membership.org_id == Session.org_id),
        )
        .join(Organization, Organization.id == Session.org_id)
        .where(Session.id == session_id, Session.revoked_at.is_(None))
    ).first()
    if found is None:
        raise _has_ended()
    signed, user, member, organization = found
    if signed.expires_at <= now():
        raise _has_ended()
    caller = Caller(
        org_id=signed.org_id,
        kind="session",
        user_id=user.id,
        email=user.email,
        role=member.role,
        team_ids=_teams(signed.org_id, user.id),
        session_id=signed.id,
        is_platform_admin=user.is_platform_admin,
    )
    return _Known(
        caller,
        organization.name,
        _other_places(signed.org_id, user.id),
        signed.expires_at.timestamp(),
        refusal(user, member, organization),
    )


def _other_places(org_id: str, user_id: str) -> tuple[tuple[str, str], ...]:
    rows = session.execute(
        select(Organization.id, Organization.name)
        .join(Membership, Membership.org_id == Organization.id)
        .where(Membership.user_id == user_id, Membership.org_id != org_id)
        .where(Membership.is_enabled, Organization.is_enabled)
        .order_by(Organization.name, Organization.id)
    )
    return tuple((row.id, row.name) for row in rows)


def refusal(user: User, member: Membership, organization: Organization) -> str:
    """Why a person does not get into an organization; empty: welcome."""
    if not user.is_enabled:
        return "this user is disabled"
    if not organization.is_enabled:
        return "this organization is disabled"
    return "" if member.is_enabled else "this user is disabled in this organization"


def _teams(org_id: str, user_id: str) -> tuple[str, ...]:
    own = select(UserTeam.team_id).join(Team, Team.id == UserTeam.team_id)
    own = own.where(Team.org_id == org_id, UserTeam.user_id == user_id).order_by(Team.id)
    return tuple(session.scalars(own))


def _live(user_id: str) -> Any:
    is_live = (Session.revoked_at.is_(None), Session.expires_at > now())
    return select(Session).where(Session.user_id == user_id, *is_live)


def _forget_old(user_id: str) -> None:
    """Delete what ended long ago, so that the table does not grow for ever."""
    long_ago: datetime = now() - KEPT_AFTER_THE_END
    is_old = or_(Session.revoked_at < long_ago, Session.expires_at < long_ago)
    session.execute(delete(Session).where(Session.user_id == user_id, is_old))


def _lifetime(kind: str) -> timedelta:
    return IDLE if kind == "browser" else TOKEN_LIFETIME


def _has_ended() -> Unauthorized:
    return Unauthorized("this session has ended; sign in again")
