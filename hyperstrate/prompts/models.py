"""Tables of the prompts module."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hyperstrate.shared.db import Base, Timestamps, now, type_id


class Prompt(Base, Timestamps):
    """A prompt as it reads now; ``variables`` are the names of its {{placeholders}}."""

    __tablename__ = "prompts"
    __audit__ = "prompt"

    id: Mapped[str] = type_id("prm")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(default="")
    content: Mapped[str]
    variables: Mapped[list[str]] = mapped_column(default=list)


class PromptVersion(Base):
    """A prompt as it read at one time; versions count from 1."""

    __tablename__ = "prompt_versions"
    __audit__ = "prompt_version"
    __table_args__ = (UniqueConstraint("prompt_id", "version"),)

    id: Mapped[str] = type_id("prmv")
    prompt_id: Mapped[str] = mapped_column(ForeignKey("prompts.id", ondelete="CASCADE"), index=True)
    org_id: Mapped[str] = mapped_column(String(50))
    version: Mapped[int]
    name: Mapped[str] = mapped_column(String(255))
    content: Mapped[str]
    variables: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)
