"""REST for the first run, sign-in, the own account and where one is signed in."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint

from hyperstrate.auth.api import asking
from hyperstrate.auth.people import accounts, sessions, setup
from hyperstrate.auth.people.devices import OpenSession
from hyperstrate.auth.schemas.people import (
    EndedSchema,
    LoginBody,
    OpenSessionsSchema,
    PasswordBody,
    ProfileBody,
    ProfileSchema,
    SessionSchema,
    SetupBody,
    SetupSchema,
    SetupStatusSchema,
    SwitchBody,
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
        signed = sessions.begin(founding.admin.id, founding.organization.id, asking.device())
    return {**asking.signed_in(signed), "organization": founding.organization}


@blueprint.post("/login")
@public
@blueprint.arguments(LoginBody)
@blueprint.response(200, SessionSchema)
def login(body: dict[str, Any]) -> Any:
    """A session token, valid for 24 hours."""
    with unit_of_work():
        signed = accounts.sign_in(**body, device=asking.device())
    return asking.signed_in(signed)


@blueprint.post("/logout")
@require_session
@blueprint.response(204)
def logout() -> None:
    """End the session that asks: its token or cookie is dead at once, with all its copies."""
    with unit_of_work():
        sessions.end(caller().user_id, caller().session_id)


@blueprint.post("/refresh")
@require_session
@blueprint.response(200, SessionSchema)
def refresh() -> Any:
    """A new token of the same session, valid for 24 hours from now."""
    with unit_of_work():
        signed = accounts.refresh(caller(), asking.device())
    return asking.signed_in(signed)


@blueprint.post("/switch")
@require_session
@blueprint.arguments(SwitchBody)
@blueprint.response(200, SessionSchema)
def switch(body: dict[str, Any]) -> Any:
    """Go on in another of one's organizations; the token before is dead at once."""
    with unit_of_work():
        signed = accounts.switch(caller(), body["org_id"], asking.device())
    return asking.signed_in(signed)


@blueprint.get("/me")
@require_session
@blueprint.response(200, ProfileSchema)
def me() -> Any:
    """Who is signed in."""
    return accounts.profile(caller().org_id, caller().user_id)


@blueprint.patch("/me")
@require_session
@blueprint.arguments(ProfileBody)
@blueprint.response(200, ProfileSchema)
def rename(body: dict[str, Any]) -> Any:
    """Change the own name."""
    with unit_of_work():
        return accounts.rename(caller().org_id, caller().user_id, body["name"])


@blueprint.post("/password")
@require_session
@blueprint.arguments(PasswordBody)
@blueprint.response(200, SessionSchema)
def change_password(body: dict[str, Any]) -> Any:
    """Change the own password. Every session of this person ends; the token is a new one's."""
    with unit_of_work():
        signed = accounts.change_password(
            caller().org_id,
            caller().user_id,
            old=body["current_password"],
            new=body["new_password"],
            device=asking.device(),
        )
    return asking.signed_in(signed)


@blueprint.get("/sessions")
@require_session
@blueprint.response(200, OpenSessionsSchema)
def find() -> Any:
    """Where one is signed in, the latest used first."""
    current = caller().session_id
    found = sessions.find(caller().user_id)
    return {"data": [OpenSession(item, item.id == current) for item in found]}


@blueprint.delete("/sessions")
@require_session
@blueprint.response(200, EndedSchema)
def end_others() -> Any:
    """End all own sessions but the one that asks."""
    with unit_of_work():
        return {"ended": sessions.end_others(caller().user_id, but=caller().session_id)}


@blueprint.delete("/sessions/<session_id>")
@require_session
@blueprint.response(204)
def end(session_id: str) -> None:
    """End one of the own sessions."""
    with unit_of_work():
        sessions.end(caller().user_id, session_id)
