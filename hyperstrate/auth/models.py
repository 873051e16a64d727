"""Tables of the auth module: organizations, their people and teams, and API keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hyperstrate.shared.db import Base, Timestamps, now, type_id


class Organization(Base, Timestamps):
    """A tenant: everything else belongs to one."""

    __tablename__ = "auth_organizations"

    id: Mapped[str] = type_id("org")
    name: Mapped[str] = mapped_column(String(255))
    slug: Mapped[str] = mapped_column(String(255))
    is_enabled: Mapped[bool] = mapped_column(default=True)


class User(Base, Timestamps):
    """A person of one organization. ``email`` is kept in lower case, so it is unique in any case.

    A new ``session_version`` ends every session. Without a ``password_hash``: signs in elsewhere.
    """

    __tablename__ = "auth_users"

    id: Mapped[str] = type_id("user")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(255), default="")
    avatar: Mapped[str] = mapped_column(String(1000), default="")
    role: Mapped[str] = mapped_column(String(20), default="member")
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_enabled: Mapped[bool] = mapped_column(default=True)
    session_version: Mapped[int] = mapped_column(default=1)
    last_login_at: Mapped[datetime | None]


class Team(Base, Timestamps):
    """People and keys of an organization that share access. Ceilings of zero mean none."""

    __tablename__ = "auth_teams"

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
    """A person's place in a team."""

    __tablename__ = "auth_user_teams"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("auth_users.id", ondelete="CASCADE"), primary_key=True
    )
    team_id: Mapped[str] = mapped_column(
        ForeignKey("auth_teams.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(default=now)


class APIKey(Base, Timestamps):
    """A key of a team. Only its SHA-256 is kept; ``prefix`` is what lists show of it.

    ``router_id`` is empty for the scope ``global``.
    """

    __tablename__ = "auth_api_keys"

    id: Mapped[str] = type_id("akey")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    team_id: Mapped[str] = mapped_column(
        ForeignKey("auth_teams.id", ondelete="CASCADE"), index=True
    )
    router_id: Mapped[str] = mapped_column(String(50), default="", index=True)
    virtual_key_id: Mapped[str] = mapped_column(String(50), default="")
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(default="")
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    prefix: Mapped[str] = mapped_column(String(20))
    scope: Mapped[str] = mapped_column(String(50), default="router")
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    is_enabled: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[str] = mapped_column(String(50), default="")

    team: Mapped[Team] = relationship(lazy="joined", innerjoin=True)
