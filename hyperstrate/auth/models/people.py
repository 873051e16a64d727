"""Tenants, their people and teams, and who is signed in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hyperstrate.shared.db import Base, Timestamps, now, type_id


class Organization(Base, Timestamps):
    """A tenant: everything else belongs to one. ``requires_sso``: its people use no password."""

    __tablename__ = "auth_organizations"
    __audit__ = "organization"

    id: Mapped[str] = type_id("org")
    name: Mapped[str] = mapped_column(String(255))
    slug: Mapped[str] = mapped_column(String(255))
    is_enabled: Mapped[bool] = mapped_column(default=True)
    requires_sso: Mapped[bool] = mapped_column(default=False)


class User(Base, Timestamps):
    """A person. ``email`` is kept in lower case, so it is unique in any case.

    ``org_id``: the organization last worked in; what a person may do there says its Membership.
    Without a ``password_hash``: signs in elsewhere. Not ``is_enabled``: nowhere.
    """

    __tablename__ = "auth_users"
    __audit__ = "user"

    id: Mapped[str] = type_id("user")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(255), default="")
    avatar: Mapped[str] = mapped_column(String(1000), default="")
    password_hash: Mapped[str | None] = mapped_column(String(255), info={"secret": True})
    is_enabled: Mapped[bool] = mapped_column(default=True)
    is_platform_admin: Mapped[bool] = mapped_column(default=False)
    last_login_at: Mapped[datetime | None]


class Membership(Base, Timestamps):
    """A person's place in an organization. ``role``: admin, member or viewer (reads only).

    ``is_role_mapped``: the role came from a group of an identity provider, and goes with it.
    """

    __tablename__ = "auth_memberships"
    __audit__ = "membership"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("auth_users.id", ondelete="CASCADE"), primary_key=True
    )
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(String(20), default="member")
    is_enabled: Mapped[bool] = mapped_column(default=True)
    is_role_mapped: Mapped[bool] = mapped_column(default=False)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class Session(Base):
    """A person is signed in: by cookie (``browser``) or with a token (``api``).

    It ends when it is revoked or expires, whatever copies of the cookie or token exist.
    """

    __tablename__ = "auth_sessions"

    id: Mapped[str] = type_id("sess")
    user_id: Mapped[str] = mapped_column(
        ForeignKey("auth_users.id", ondelete="CASCADE"), index=True
    )
    org_id: Mapped[str] = mapped_column(String(50))
    kind: Mapped[str] = mapped_column(String(20))
    method: Mapped[str] = mapped_column(String(50), default="password")
    address: Mapped[str] = mapped_column(String(50), default="")
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class Invitation(Base, Timestamps):
    """A link that makes its reader a member. Only the SHA-256 of its token is kept."""

    __tablename__ = "auth_invitations"
    __audit__ = "invitation"

    id: Mapped[str] = type_id("inv")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20), default="member")
    team_ids: Mapped[list[str]] = mapped_column(default=list)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, info={"secret": True})
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(String(50), default="")


class Team(Base, Timestamps):
    """People and keys of an organization that share access. Ceilings of zero mean none."""

    __tablename__ = "auth_teams"
    __audit__ = "team"

    id: Mapped[str] = type_id("team")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(default="")
    max_requests: Mapped[int] = mapped_column(default=0)
    max_cost_usd: Mapped[float] = mapped_column(Numeric(18, 6, asdecimal=False), default=0.0)
    is_enabled: Mapped[bool] = mapped_column(default=True)


class UserTeam(Base):
    """A person's place in a team. ``is_mapped``: it came with a group of a provider."""

    __tablename__ = "auth_user_teams"
    __audit__ = "team_member"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("auth_users.id", ondelete="CASCADE"), primary_key=True
    )
    team_id: Mapped[str] = mapped_column(
        ForeignKey("auth_teams.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    is_mapped: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
