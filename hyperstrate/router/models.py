"""Tables of the router module."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hyperstrate.shared.db import SEALED, Base, Timestamps, type_id


class Router(Base, Timestamps):
    """A named road to models: a strategy over targets, and the stages on the way."""

    __tablename__ = "routers"
    __audit__ = "router"
    __table_args__ = (UniqueConstraint("org_id", "name"),)

    id: Mapped[str] = type_id("rtr")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(String(50), default="draft")
    strategy: Mapped[str] = mapped_column(String(50), default="round_robin")

    configuration: Mapped[RouterConfiguration] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )
    targets: Mapped[list[RouterTarget]] = relationship(
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="(RouterTarget.priority, RouterTarget.id)",
    )
    features: Mapped[list[RouterFeature]] = relationship(
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="(RouterFeature.execution_order, RouterFeature.id)",
    )
    interceptors: Mapped[list[RouterInterceptor]] = relationship(
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="(RouterInterceptor.execution_order, RouterInterceptor.id)",
    )
    accesses: Mapped[list[RouterTeamAccess]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )


class RouterConfiguration(Base):
    """What belongs to exactly one router, beside its stages."""

    __tablename__ = "router_configurations"
    __audit__ = "router_configuration"

    router_id: Mapped[str] = mapped_column(
        ForeignKey("routers.id", ondelete="CASCADE"), primary_key=True
    )
    prompt_id: Mapped[str | None] = mapped_column(ForeignKey("prompts.id", ondelete="SET NULL"))
    store_payloads: Mapped[bool] = mapped_column(default=False)
    webhook_url: Mapped[str] = mapped_column(default="")
    webhook_secret: Mapped[str] = mapped_column(default="", info=SEALED)


class RouterTarget(Base, Timestamps):
    """A model that a router may choose."""

    __tablename__ = "router_targets"
    __audit__ = "target"

    id: Mapped[str] = type_id("rtgt")
    router_id: Mapped[str] = mapped_column(ForeignKey("routers.id", ondelete="CASCADE"), index=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), index=True)
    weight: Mapped[int] = mapped_column(default=1)
    percentage: Mapped[float] = mapped_column(default=0.0)
    priority: Mapped[int] = mapped_column(default=0)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    prompt_id: Mapped[str | None] = mapped_column(ForeignKey("prompts.id", ondelete="SET NULL"))


class RouterFeature(Base, Timestamps):
    """A pipeline feature that is switched on for a router, with its Config as JSON."""

    __tablename__ = "router_features"
    __audit__ = "feature"
    __table_args__ = (UniqueConstraint("router_id", "feature_type"),)

    id: Mapped[str] = type_id("rfeat")
    router_id: Mapped[str] = mapped_column(ForeignKey("routers.id", ondelete="CASCADE"), index=True)
    feature_type: Mapped[str] = mapped_column(String(100))
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    execution_order: Mapped[int] = mapped_column(default=0)
    is_enabled: Mapped[bool] = mapped_column(default=True)


class RouterInterceptor(Base, Timestamps):
    """An interceptor of a router, with its Config as JSON; a type may stand more than once."""

    __tablename__ = "router_interceptors"
    __audit__ = "interceptor"

    id: Mapped[str] = type_id("rint")
    router_id: Mapped[str] = mapped_column(ForeignKey("routers.id", ondelete="CASCADE"), index=True)
    type: Mapped[str] = mapped_column(String(100))
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    execution_order: Mapped[int] = mapped_column(default=0)
    is_enabled: Mapped[bool] = mapped_column(default=True)


class RouterTeamAccess(Base):
    """A team that may use a router; a router without any is open to its organisation.

    A deleted team stays here: a router that only it could use does not open to everybody.
    """

    __tablename__ = "router_team_accesses"
    __audit__ = "router_access"
    __table_args__ = (UniqueConstraint("router_id", "team_id"),)

    id: Mapped[str] = type_id("racl")
    router_id: Mapped[str] = mapped_column(ForeignKey("routers.id", ondelete="CASCADE"), index=True)
    team_id: Mapped[str] = mapped_column(String(50))
    org_id: Mapped[str] = mapped_column(String(50))
