"""REST for the first run and for sign-in."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint

from hyperstrate.auth import directory, sessions, setup
from hyperstrate.auth.schemas import (
    LoginBody,
    PasswordBody,
    SessionSchema,
    SetupBody,
    SetupSchema,
    SetupStatusSchema,
    UserSchema,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, public, require_session

blueprint = Blueprint("auth", __name__, url_prefix="/auth", description="First run and sign-in")


@blueprint.get("/setup/status")
@public
@blueprint.response(200, SetupStatusSchema)
def setup_status() -> Any:
    """Whether set-up is still to be done."""
    return {"required": setup.is_required()}


@blueprint.post("/setup")
@public
@blueprint.arguments(SetupBody)
@blueprint.response(201, SetupSchema)
def set_up(body: dict[str, Any]) -> Any:
    """Make the first organization and its admin, with the token printed at the first start."""
    with unit_of_work():
        founding = setup.found(**body, address=request.remote_addr or "")
    admin = founding.admin
    token = sessions.token_for(admin)
    return {"token": token, "user": admin, "organization": founding.organization}


@blueprint.post("/login")
@public
@blueprint.arguments(LoginBody)
@blueprint.response(200, SessionSchema)
def login(body: dict[str, Any]) -> Any:
    """A session token, valid for 24 hours."""
    with unit_of_work():
        user = sessions.sign_in(**body, address=request.remote_addr or "")
    return {"token": sessions.token_for(user), "user": user}


@blueprint.post("/refresh")
@require_session
@blueprint.response(200, SessionSchema)
def refresh() -> Any:
    """A new session token."""
    user = directory.user(caller().org_id, caller().user_id)
    return {"token": sessions.token_for(user), "user": user}


@blueprint.get("/me")
@require_session
@blueprint.response(200, UserSchema)
def me() -> Any:
    """Who is signed in."""
    return directory.user(caller().org_id, caller().user_id)


@blueprint.post("/password")
@require_session
@blueprint.arguments(PasswordBody)
@blueprint.response(200, SessionSchema)
def change_password(body: dict[str, Any]) -> Any:
    """Change the own password. Every other session of this person ends."""
    with unit_of_work():
        user = sessions.change_password(
            caller().org_id,
            caller().user_id,
            old=body["current_password"],
            new=body["new_password"],
            address=request.remote_addr or "",
        )
    return {"token": sessions.token_for(user), "user": user}
