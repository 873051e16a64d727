"""Single sign-on: identity providers, whose accounts are whose, and what their groups mean."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hyperstrate.shared.db import SEALED, Base, Timestamps, now, type_id


class SsoProvider(Base, Timestamps):
    """An OpenID Connect provider, or GitHub. Without ``org_id``: of the whole installation.

    ``kind``: oidc, google or github. ``client_secret`` is encrypted. A person of one of ``domains``
    (all, when empty) who signs in for the first time becomes a ``default_role``; when that is
    empty, only who was invited gets in.
    """

    __tablename__ = "auth_sso_providers"
    __audit__ = "sso_provider"

    id: Mapped[str] = type_id("sso")
    org_id: Mapped[str | None] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(String(20), default="oidc")
    name: Mapped[str] = mapped_column(String(100))
    issuer: Mapped[str] = mapped_column(String(500), default="")
    client_id: Mapped[str] = mapped_column(String(500))
    client_secret: Mapped[str] = mapped_column(Text, default="", info=SEALED)
    scopes: Mapped[str] = mapped_column(String(500), default="openid email profile")
    groups_claim: Mapped[str] = mapped_column(String(200), default="groups")
    domains: Mapped[list[str]] = mapped_column(default=list)
    default_role: Mapped[str] = mapped_column(String(20), default="member")
    is_enabled: Mapped[bool] = mapped_column(default=True)


class OIDCGroupMapping(Base):
    """Who is in this group of the provider is in this team, or has this role, or both."""

    __tablename__ = "auth_oidc_group_mappings"
    __audit__ = "oidc_group_mapping"

    id: Mapped[str] = type_id("ogmap")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    group_name: Mapped[str] = mapped_column(String(255))
    team_id: Mapped[str | None] = mapped_column(
        ForeignKey("auth_teams.id", ondelete="CASCADE"), index=True
    )
    role: Mapped[str] = mapped_column(String(20), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)


class Identity(Base):
    """A person's account at a provider: ``subject`` is unique there, for ever; an e-mail is not.

    It stays, with no ``user_id``, when the person is removed: so they do not come back uninvited.
    """

    __tablename__ = "auth_identities"
    __audit__ = "identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = type_id("idn")
    user_id: Mapped[str | None] = mapped_column(
        ForeignKey("auth_users.id", ondelete="SET NULL"), index=True
    )
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_login_at: Mapped[datetime] = mapped_column(default=now)
