"""Tables of the ai module: registered models and how each is reached."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hyperstrate.shared.db import SEALED, Base, Timestamps, type_id

REDACTED = "<redacted>"


class Model(Base, Timestamps):
    """A model of the catalog that an organisation uses.

    ``upstream_model`` is the name sent to the provider; empty: the definition's. ``test_error`` is
    what the last test said, empty when it went well.
    """

    __tablename__ = "models"
    __audit__ = "model"
    id: Mapped[str] = type_id("mdl")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    model_definition_key: Mapped[str] = mapped_column(String(255), index=True)
    alias: Mapped[str | None] = mapped_column(String(255))
    upstream_model: Mapped[str] = mapped_column(String(255), default="")
    tested_at: Mapped[datetime | None] = mapped_column(default=None)
    test_latency_ms: Mapped[float | None] = mapped_column(default=None)
    test_error: Mapped[str] = mapped_column(String(1000), default="")
    configuration: Mapped[ModelConfiguration | None] = relationship(
        lazy="selectin", cascade="all, delete-orphan", passive_deletes=True
    )


class ModelConfiguration(Base, Timestamps):
    """Where a model is reached, and with what. Keys and header values are encrypted."""

    __tablename__ = "model_configurations"
    __audit__ = "model_configuration"
    id: Mapped[str] = type_id("mcfg")
    model_id: Mapped[str] = mapped_column(
        ForeignKey("models.id", ondelete="CASCADE"), unique=True, index=True
    )
    base_url: Mapped[str] = mapped_column(String(2000))
    api_key: Mapped[str | None] = mapped_column(default=None, info=SEALED)
    api_secret: Mapped[str | None] = mapped_column(default=None, info=SEALED)
    api_key_pool: Mapped[list[str]] = mapped_column(default=list, info=SEALED)
    extra_headers: Mapped[dict[str, Any]] = mapped_column(default=dict, info=SEALED)
    connect_timeout_secs: Mapped[float]
    first_byte_timeout_secs: Mapped[float]
    idle_timeout_secs: Mapped[float]
    timeout_secs: Mapped[float]

    @property
    def has_api_key(self) -> bool:
        return bool(self.api_key)

    @property
    def has_api_secret(self) -> bool:
        return bool(self.api_secret)

    @property
    def api_key_pool_size(self) -> int:
        return len(self.api_key_pool)

    @property
    def shown_headers(self) -> dict[str, str]:
        """The names of the extra headers, their values hidden."""
        return dict.fromkeys(self.extra_headers, REDACTED)
