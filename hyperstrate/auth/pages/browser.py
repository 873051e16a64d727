"""A browser's session: the cookie, and who it belongs to."""

from __future__ import annotations

from typing import Any

from flask import Flask, g, request
from flask import session as cookie
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import validate_csrf

from hyperstrate.auth import sessions
from hyperstrate.auth.tokens import LIFETIME_S
from hyperstrate.shared.errors import Unauthorized
from hyperstrate.shared.guards import Caller, wants_page

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SignedIn(UserMixin):  # type: ignore[misc]
    """Somebody in front of a browser. The cookie names them and their session's version."""

    def __init__(self, user_id: str, session_version: int) -> None:
        self.user_id = user_id
        self.session_version = session_version
        self.caller = sessions.owner(user_id, session_version)

    def get_id(self) -> str:
        return f"{self.user_id}:{self.session_version}"


def init(app: Flask) -> None:
    """Let Flask-Login keep the session in a cookie that is good for a day."""
    app.config["PERMANENT_SESSION_LIFETIME"] = LIFETIME_S
    manager = LoginManager(app)
    # "strong" would sign out whoever changes networks, or sits behind several proxies.
    manager.session_protection = "basic"
    manager.user_loader(_load)
    app.context_processor(_context)


def enter(user_id: str, session_version: int) -> None:
    """Sign the browser in, with nothing left of the session it had before."""
    cookie.clear()
    login_user(SignedIn(user_id, session_version), remember=False)


def leave() -> None:
    """Sign the browser out."""
    logout_user()
    cookie.clear()


def caller_of_cookie() -> Caller | None:
    """Who is signed in by cookie.

    Pages check CSRF before every view. The API does not, since it expects a header; there a cookie
    alone opens what only reads, and the rest needs the CSRF token in its header.
    """
    is_guarded = wants_page() or request.method in SAFE_METHODS or _has_csrf_header()
    if not is_guarded or not current_user.is_authenticated:
        return None
    found: Caller = current_user.caller
    return found


def _has_csrf_header() -> bool:
    try:
        validate_csrf(request.headers.get("X-CSRFToken"))
    except ValueError:
        return False
    return True


def _load(cookie_id: str) -> SignedIn | None:
    user_id, _, version = cookie_id.partition(":")
    try:
        return SignedIn(user_id, int(version))
    except (Unauthorized, ValueError):
        return None


def _context() -> dict[str, Any]:
    """``org_name``: shown on every page of somebody who is signed in."""
    caller: Caller | None = g.get("caller")
    is_person = caller is not None and caller.kind == "session"
    return {"org_name": sessions.org_name_of(caller) if caller and is_person else ""}
