"""The page of one's own account: name, password, where one is signed in, organizations."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for

from hyperstrate.auth.pages import browser
from hyperstrate.auth.people import accounts, directory, sessions
from hyperstrate.auth.people.devices import OpenSession
from hyperstrate.auth.schemas.people import PasswordBody, ProfileBody
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.guards import caller, require_session
from hyperstrate.shared.navigation import HOME
from hyperstrate.shared.web import form_errors, go, page, submitted, with_wait

pages = Blueprint("account_pages", __name__, url_prefix="/app/account")


@pages.get("")
@require_session
def show() -> Response:
    """The own account."""
    return _show()


@pages.post("/name")
@require_session
def rename() -> Response:
    """Change the own name."""
    values, errors = submitted(ProfileBody)
    if errors:
        return _show(name_errors=errors, status=400)
    with unit_of_work():
        accounts.rename(caller().org_id, caller().user_id, values["name"])
    return go(url_for("account_pages.show"), "Your name is saved.")


@pages.post("/password")
@require_session
def change_password() -> Response:
    """Change the own password; every other browser and program is signed out."""
    values, errors = submitted(PasswordBody)
    if errors:
        return _show(password_errors=errors, status=400)
    try:
        with unit_of_work():
            signed = accounts.change_password(
                caller().org_id,
                caller().user_id,
                old=values["current_password"],
                new=values["new_password"],
                device=browser.device(),
            )
    except AppError as error:
        refused = _show(password_errors=form_errors(error), status=error.status)
        return with_wait(refused, error)
    browser.enter(signed.id)
    return go(url_for("account_pages.show"), "Your password is changed; all else is signed out.")


@pages.post("/switch")
@require_session
def switch() -> Response:
    """Go on in another of one's organizations."""
    with unit_of_work():
        signed = accounts.switch(caller(), request.form.get("orgId", "")[:100], browser.device())
    browser.enter(signed.id)
    return go(HOME)


@pages.post("/leave/<org_id>")
@require_session
def leave(org_id: str) -> Response:
    """Give up one's place in an organization."""
    try:
        with unit_of_work():
            directory.leave(org_id, caller().user_id)
    except AppError as error:
        return _show(refused=error.message, status=error.status)
    return go(url_for("account_pages.show"), "You have left.")


@pages.post("/sessions/<session_id>/end")
@require_session
def end(session_id: str) -> Response:
    """End one of the own sessions."""
    with unit_of_work():
        sessions.end(caller().user_id, session_id)
    return go(url_for("account_pages.show"), "That session has ended.")


@pages.post("/sessions/end-others")
@require_session
def end_others() -> Response:
    """End all own sessions but this one."""
    with unit_of_work():
        ended = sessions.end_others(caller().user_id, but=caller().session_id)
    return go(url_for("account_pages.show"), f"Ended: {ended}.")


def _show(*, status: int = 200, **context: Any) -> Response:
    """The page; errors of its two forms, ``refused`` says why not."""
    who = caller()
    return page(
        "auth/account.html",
        status=status,
        profile=accounts.profile(who.org_id, who.user_id),
        sessions=[OpenSession(it, it.id == who.session_id) for it in sessions.find(who.user_id)],
        typed=request.form,
        **context,
    )
