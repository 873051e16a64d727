"""A browser's session: the cookie, and who it belongs to."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, g, request
from flask import session as cookie
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import validate_csrf

from hyperstrate.auth.people import sessions
from hyperstrate.auth.people.sessions import Device
from hyperstrate.shared.errors import Unauthorized
from hyperstrate.shared.guards import Caller, wants_page

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: After this an untouched cookie is not even looked at; the session in the database ends earlier.
COOKIE_S = 90 * 24 * 3600


class SignedIn(UserMixin):  # type: ignore[misc]
    """Somebody in front of a browser. The cookie names their session."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.caller = sessions.owner(session_id)

    def get_id(self) -> str:
        return self.session_id


def init(app: Flask) -> None:
    """Let Flask-Login keep the session's id in a cookie that ends with the browser."""
    app.config["PERMANENT_SESSION_LIFETIME"] = COOKIE_S
    manager = LoginManager(app)
    # "strong" would sign out whoever changes networks, or sits behind several proxies.
    manager.session_protection = "basic"
    manager.user_loader(_load)
    app.context_processor(_context)
    app.after_request(_note_use)


def device() -> Device:
    """The browser that asks."""
    agent = request.headers.get("User-Agent", "")
    return Device("browser", address=request.remote_addr or "", user_agent=agent)


def enter(session_id: str) -> None:
    """Sign the browser in, with nothing left of the session it had before."""
    cookie.clear()
    login_user(SignedIn(session_id), remember=False)


def leave() -> None:
    """Sign the browser out."""
    logout_user()
    cookie.clear()
    g.pop("caller", None)


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
    try:
        return SignedIn(cookie_id)
    except Unauthorized:
        return None


def _note_use(response: Response) -> Response:
    """Keep when a session was last used. Calls to models do not come by here."""
    caller: Caller | None = g.get("caller")
    if caller is not None and caller.session_id:
        sessions.note_use(caller.session_id)
    return response


def _context() -> dict[str, Any]:
    """``org_name`` and ``places`` to switch to: for the pages of somebody who is signed in."""
    caller: Caller | None = g.get("caller")
    if caller is None or caller.kind != "session":
        return {"org_name": "", "places": []}
    return {"org_name": sessions.org_name_of(caller), "places": sessions.places_of(caller)}
