"""Keys as people see them: who made them, what they open, how they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from hyperstrate.auth.keys import key_secrets
from hyperstrate.auth.keys.key_secrets import Key
from hyperstrate.auth.models import APIKey, VirtualKey
from hyperstrate.auth.people import directory
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.db import now, session

Status = Literal["active", "disabled", "expired", "team disabled"]


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key with the names of what it refers to; empty names: that is gone, or there is none.

    ``plaintext`` is there once: when the key was made or rotated.
    """

    key: Key
    router_name: str = ""
    owner_name: str = ""
    virtual_key_name: str = ""
    plaintext: str = ""

    @property
    def secret(self) -> str | None:
        """The plaintext, where there is one."""
        return self.plaintext or None

    @property
    def status(self) -> Status:
        if not self.key.is_enabled:
            return "disabled"
        if self.key.expires_at and self.key.expires_at <= now():
            return "expired"
        team = self.key.team
        return "team disabled" if team is not None and not team.is_enabled else "active"

    @property
    def router(self) -> dict[str, str] | None:
        """The router that the key is bound to, while that exists."""
        return {"id": self.key.router_id, "name": self.router_name} if self.router_name else None

    @property
    def owner(self) -> dict[str, str] | None:
        """Who made it, while they are there."""
        return {"id": self.key.created_by, "name": self.owner_name} if self.owner_name else None

    @property
    def virtual_key(self) -> dict[str, str] | None:
        """The virtual key on which an API key counts."""
        if not self.virtual_key_name or not isinstance(self.key, APIKey):
            return None
        return {"id": self.key.virtual_key_id, "name": self.virtual_key_name}

    @property
    def last_used_at(self) -> datetime | None:
        """By whichever secret."""
        uses = (self.key.last_used_at, self.key.previous_last_used_at)
        return max((use for use in uses if use is not None), default=None)

    @property
    def rotation(self) -> Rotation | None:
        """The last rotation, if there was one."""
        return Rotation(self.key) if self.key.rotated_at else None


@dataclass(frozen=True, slots=True)
class Rotation:
    """The secret that was replaced last, beside the present one."""

    key: Key

    @property
    def is_overlapping(self) -> bool:
        return key_secrets.is_overlapping(self.key)


def of(key: Key, *, plaintext: str = "") -> KeyView:
    """One key as it is seen now."""
    return of_all(key.org_id, [key], plaintext=plaintext)[0]


def of_all(org_id: str, keys: Sequence[Key], *, plaintext: str = "") -> list[KeyView]:
    """The organization's ``keys``, with one question for each kind of name."""
    own = [key for key in keys if key.org_id == org_id]
    routers = runtime().routers.names(org_id, {key.router_id for key in own if key.router_id})
    owners = directory.names(org_id, {key.created_by for key in own if key.created_by})
    counted = _virtual_keys(org_id, own)
    return [
        KeyView(
            key,
            routers.get(key.router_id, ""),
            owners.get(key.created_by, ""),
            counted.get(key.virtual_key_id, "") if isinstance(key, APIKey) else "",
            plaintext,
        )
        for key in own
    ]


def _virtual_keys(org_id: str, keys: Sequence[Key]) -> dict[str, str]:
    ids = {key.virtual_key_id for key in keys if isinstance(key, APIKey)} - {""}
    if not ids:
        return {}
    own = (VirtualKey.org_id == org_id, VirtualKey.id.in_(ids))
    rows = session.execute(select(VirtualKey.id, VirtualKey.name).where(*own))
    return {row.id: row.name for row in rows}
