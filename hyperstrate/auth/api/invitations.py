"""REST for invitations."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint

from hyperstrate.auth.api import asking
from hyperstrate.auth.people import accounts, invitations
from hyperstrate.auth.schemas.people import (
    AcceptInvitation,
    CreateInvitation,
    InvitationPage,
    NewInvitationSchema,
    SessionSchema,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, caller_if_any, public, require_admin
from hyperstrate.shared.schemas import PageArgs

blueprint = Blueprint(
    "invitations", __name__, url_prefix="/auth/invitations", description="Invitations"
)


@blueprint.get("")
@require_admin
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, InvitationPage)
def find(args: dict[str, Any]) -> Any:
    """The organization's invitations, newest first."""
    return invitations.find(caller().org_id, **args)


@blueprint.post("")
@require_admin
@blueprint.arguments(CreateInvitation)
@blueprint.response(201, NewInvitationSchema)
def invite(body: dict[str, Any]) -> Any:
    """Make a link for an e-mail. It is in this answer and never again; no mail is sent."""
    with unit_of_work():
        made = invitations.invite(caller().org_id, **body, by=caller())
    return {
        "invitation": made.invitation,
        "status": made.status,
        "token": made.token,
        "link": asking.invitation_link(made.token),
    }


@blueprint.delete("/<invitation_id>")
@require_admin
@blueprint.response(204)
def revoke(invitation_id: str) -> None:
    """Withdraw an invitation."""
    with unit_of_work():
        invitations.revoke(caller().org_id, invitation_id)


@blueprint.post("/accept")
@public
@blueprint.arguments(AcceptInvitation)
@blueprint.response(200, SessionSchema)
def accept(body: dict[str, Any]) -> Any:
    """Become a member. Who has an account is signed in as that e-mail, or gives its password."""
    who, device = caller_if_any(), asking.device()
    with unit_of_work():
        user = invitations.accept(**body, caller=who, address=request.remote_addr or "")
        signed = accounts.welcome(user, device, is_email_proven=False, method="invitation")
    return asking.signed_in(signed)
