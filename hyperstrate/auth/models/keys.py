"""API keys and virtual keys: what opens routers, and under which rules."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hyperstrate.auth.models.people import Team
from hyperstrate.shared.db import Base, Timestamps, type_id


class Secret:
    """A key's secret: its SHA-256, and ``prefix``, which is what lists show of it.

    After a rotation the previous secret works until ``previous_expires_at``. ``rotation_id`` is
    the caller's name for the last rotation, so that asking for it again changes nothing.
    """

    key_hash: Mapped[str] = mapped_column(String(64), unique=True, info={"secret": True})
    prefix: Mapped[str] = mapped_column(String(20))
    last_used_at: Mapped[datetime | None]
    previous_hash: Mapped[str | None] = mapped_column(
        String(64), unique=True, info={"secret": True}
    )
    previous_prefix: Mapped[str] = mapped_column(String(20), default="")
    previous_expires_at: Mapped[datetime | None]
    previous_last_used_at: Mapped[datetime | None]
    rotated_at: Mapped[datetime | None]
    rotation_id: Mapped[str] = mapped_column(String(100), default="")


class Rules:
    """What a key may be used for; an empty list allows all. Denied models win over allowed ones.

    Models are globs over names and definition keys, networks are CIDR. ``content_logging``:
    inherit, on or off.
    """

    allowed_routers: Mapped[list[str]] = mapped_column(default=list)
    allowed_models: Mapped[list[str]] = mapped_column(default=list)
    denied_models: Mapped[list[str]] = mapped_column(default=list)
    allowed_networks: Mapped[list[str]] = mapped_column(default=list)
    content_logging: Mapped[str] = mapped_column(String(10), default="inherit")


class APIKey(Base, Timestamps, Secret, Rules):
    """A key of a team. ``router_id`` is empty for the scope ``global``."""

    __tablename__ = "auth_api_keys"
    __audit__ = "api_key"

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
    scope: Mapped[str] = mapped_column(String(50), default="router")
    expires_at: Mapped[datetime | None]
    is_enabled: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[str] = mapped_column(String(50), default="")

    team: Mapped[Team] = relationship(lazy="joined", innerjoin=True)


class VirtualKey(Base, Timestamps, Secret, Rules):
    """A key of one router with its own ceilings. Zero means none; ``reset_period`` empty: never."""

    __tablename__ = "auth_virtual_keys"
    __audit__ = "virtual_key"

    id: Mapped[str] = type_id("vkey")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    router_id: Mapped[str] = mapped_column(ForeignKey("routers.id", ondelete="CASCADE"), index=True)
    team_id: Mapped[str | None] = mapped_column(
        ForeignKey("auth_teams.id", ondelete="SET NULL"), index=True
    )
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(default="")
    max_requests: Mapped[int] = mapped_column(default=0)
    max_cost_usd: Mapped[float] = mapped_column(Numeric(18, 6, asdecimal=False), default=0.0)
    reset_period: Mapped[str] = mapped_column(String(20), default="")
    rate_limit_rps: Mapped[float] = mapped_column(Numeric(18, 6, asdecimal=False), default=0.0)
    expires_at: Mapped[datetime | None]
    is_enabled: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[str] = mapped_column(String(50), default="")

    team: Mapped[Team | None] = relationship(lazy="joined")
