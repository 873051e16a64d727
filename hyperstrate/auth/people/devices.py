"""What a browser or program calls itself, in three words."""

from __future__ import annotations

from dataclasses import dataclass

from hyperstrate.auth.models import Session

#: The first that is found counts: most of them claim to be those below them, too.
_PROGRAMS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as lists show it. ``is_current``: the one that asks."""

    session: Session
    is_current: bool

    @property
    def device(self) -> str:
        return name_of(self.session.user_agent)


def name_of(user_agent: str) -> str:
    """Such as "Firefox on Linux"; of a program its own name, such as "curl/8.5"."""
    program = next((name for mark, name in _PROGRAMS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or user_agent.split(" ")[0][:40] or "unknown"
