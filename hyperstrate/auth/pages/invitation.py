"""The page behind an invitation's link."""

from __future__ import annotations

from flask import Blueprint, Response, request

from hyperstrate.auth.pages import browser
from hyperstrate.auth.people import accounts, invitations, sessions
from hyperstrate.auth.schemas.people import AcceptInvitation
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.guards import Caller, public
from hyperstrate.shared.navigation import HOME
from hyperstrate.shared.web import form_errors, go, page, submitted, with_wait

pages = Blueprint("invitation_pages", __name__, url_prefix="/app/invitation")


@pages.get("")
@public
def show() -> Response:
    """Who invites to what, and the form to accept."""
    return _show(request.args.get("token", ""), {})


@pages.post("")
@public
def accept() -> Response:
    """Become a member, and sign in."""
    values, errors = submitted(AcceptInvitation)
    if errors:
        return _show(request.form.get("token", ""), errors, status=400)
    who = browser.caller_of_cookie()
    try:
        with unit_of_work():
            user = invitations.accept(**values, caller=who, address=request.remote_addr or "")
            signed = accounts.welcome(
                user, browser.device(), is_email_proven=False, method="invitation"
            )
            if who is not None:
                sessions.end(who.user_id, who.session_id)
    except AppError as error:
        shown = _show(values["token"], form_errors(error), status=error.status)
        return with_wait(shown, error)
    browser.enter(signed.id)
    return go(HOME, "Welcome.")


def _show(token: str, errors: dict[str, list[str]], *, status: int = 200) -> Response:
    try:
        view = invitations.read(token)
    except AppError as error:
        return page("auth/invitation.html", status=error.status, refused=error.message, errors={})
    who: Caller | None = browser.caller_of_cookie()
    return page(
        "auth/invitation.html",
        status=status,
        view=view,
        token=token,
        has_account=invitations.has_account(view.invitation),
        who=who,
        is_theirs=who is not None and who.email == view.invitation.email,
        typed=request.form,
        errors=errors,
    )
