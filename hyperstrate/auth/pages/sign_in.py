"""Pages for the first run and for sign-in."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, request, url_for

from hyperstrate.auth.pages import browser
from hyperstrate.auth.people import accounts, sessions, setup
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.schemas.people import LoginBody, SetupBody
from hyperstrate.auth.sso import providers
from hyperstrate.auth.sso import sign_in as sso_sign_in
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError, Conflict
from hyperstrate.shared.guards import caller, public, require_session
from hyperstrate.shared.navigation import HOME
from hyperstrate.shared.web import form_errors, go, page, submitted, with_wait

pages = Blueprint("auth_pages", __name__, url_prefix="/app")
Errors = dict[str, list[str]]


@pages.get("/setup")
@public
def set_up() -> Response:
    """The form of the first run, its token filled in from the printed link."""
    if not setup.is_required():
        return go(url_for("auth_pages.sign_in"))
    return _setup_form({"setupToken": request.args.get("token", "")})


@pages.post("/setup")
@public
def found() -> Response:
    """Make the organization and its admin, and sign the admin in."""
    values, errors = submitted(SetupBody)
    if errors:
        return _setup_form(request.form, errors, status=400)
    try:
        with unit_of_work():
            founding = setup.found(**values, address=request.remote_addr or "")
            signed = sessions.begin(founding.admin.id, founding.organization.id, browser.device())
    except Conflict as error:
        return go(url_for("auth_pages.sign_in"), error.message)
    except AppError as error:
        return with_wait(_setup_form(request.form, form_errors(error), status=error.status), error)
    browser.enter(signed.id)
    return go(HOME)


@pages.get("/login")
@public
def sign_in() -> Response:
    """The form to sign in; at the first run, the way to set-up."""
    if setup.is_required():
        return go(url_for("auth_pages.set_up"))
    if browser.caller_of_cookie():
        return go(destination())
    return _login_form()


@pages.post("/login")
@public
def enter() -> Response:
    """Sign in, and go where one wanted to go."""
    values, errors = submitted(LoginBody)
    if errors:
        return _login_form(errors, status=400)
    try:
        with unit_of_work():
            signed = accounts.sign_in(**values, device=browser.device())
    except AppError as error:
        return with_wait(_login_form(form_errors(error), status=error.status), error)
    browser.enter(signed.id)
    return go(destination())


@pages.post("/logout")
@require_session
def sign_out() -> Response:
    """Sign out: a copy of the cookie is worth nothing any more."""
    signed = sessions.get(caller().user_id, caller().session_id)
    back = url_for("auth_pages.sign_in")
    away = sso_sign_in.way_out(signed, back=public_url() + back)
    with unit_of_work():
        sessions.end(caller().user_id, caller().session_id)
    browser.leave()
    if not away:
        return go(back, "You are signed out.")
    # Not a redirect: a browser that obeys form-action would not follow it from this form.
    response = page("auth/sso_leaving.html", away=away)
    response.headers["Refresh"] = f"0; url={away}"
    return response


def _setup_form(
    typed: Mapping[str, str], errors: Errors | None = None, *, status: int = 200
) -> Response:
    return page("auth/setup.html", status=status, typed=typed, errors=errors or {})


def _login_form(errors: Errors | None = None, *, status: int = 200) -> Response:
    action = url_for("auth_pages.enter", next=request.args.get("next"))
    email = request.form.get("email", "")
    return page(
        "auth/login.html",
        status=status,
        action=action,
        email=email,
        errors=errors or {},
        buttons=providers.buttons(),
        goal=request.args.get("next"),
    )


def public_url() -> str:
    """The address that browsers know us by, without a slash at the end."""
    return runtime().config.api_public_url or request.host_url.rstrip("/")


def destination() -> str:
    """Where ``next`` says, if that is one of our pages."""
    wanted = request.args.get("next", "")
    return wanted if wanted == HOME or wanted.startswith((f"{HOME}/", f"{HOME}?")) else HOME
