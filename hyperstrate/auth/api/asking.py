"""What sign-in's answers have in common: the device that asks, and the session it gets."""

from __future__ import annotations

from typing import Any

from flask import request

from hyperstrate.auth.people import accounts, sessions
from hyperstrate.auth.people.sessions import Device
from hyperstrate.auth.runtime import runtime


def device() -> Device:
    """The program that asks for a token."""
    agent = request.headers.get("User-Agent", "")
    return Device("api", address=request.remote_addr or "", user_agent=agent)


def signed_in(signed: Any) -> dict[str, Any]:
    """The token of a session, and its owner."""
    user = accounts.profile(signed.org_id, signed.user_id)
    return {"token": sessions.token_for(signed), "user": user}


def invitation_link(token: str) -> str:
    """The address that an admin passes on."""
    public = runtime().config.api_public_url or request.host_url.rstrip("/")
    return f"{public}/app/invitation?token={token}"
