"""REST for single sign-on: identity providers, what their groups mean, the exchange of a token."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint

from hyperstrate.auth.api import asking
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.schemas.people import SessionSchema
from hyperstrate.auth.schemas.sso import (
    ButtonSchema,
    ChangeProvider,
    CreateMapping,
    CreateProvider,
    DiscoverySchema,
    ExchangeBody,
    MappingSchema,
    MappingsSchema,
    ProviderSchema,
    ProvidersSchema,
    RequireBody,
)
from hyperstrate.auth.sso import groups as sso_groups
from hyperstrate.auth.sso import providers as sso
from hyperstrate.auth.sso import sign_in
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import Forbidden
from hyperstrate.shared.guards import caller, public, require_admin

blueprint = Blueprint("sso", __name__, url_prefix="/auth", description="Single sign-on")


@blueprint.get("/sso-providers/public")
@public
@blueprint.response(200, ButtonSchema(many=True))
def buttons() -> Any:
    """The ways to sign in."""
    return sso.public_list()


@blueprint.post("/oidc/exchange")
@public
@blueprint.arguments(ExchangeBody)
@blueprint.response(200, SessionSchema)
def exchange(body: dict[str, Any]) -> Any:
    """A session token for who proves by a token of the installation's issuer who they are."""
    return asking.signed_in(sign_in.exchange(body["token"], device=asking.device()))


@blueprint.get("/sso-providers")
@require_admin
@blueprint.response(200, ProvidersSchema)
def find() -> Any:
    """The organization's identity providers; a platform admin sees the installation's as well."""
    org_id = caller().org_id
    return {
        "data": sso.find(org_id, is_platform_admin=caller().is_platform_admin),
        "redirectUri": redirect_uri(),
        "isRequired": sso.is_required(org_id),
        "passwordSessions": len(sso.password_sessions(org_id)),
    }


@blueprint.post("/sso-providers")
@require_admin
@blueprint.arguments(CreateProvider)
@blueprint.response(201, ProviderSchema)
def add(body: dict[str, Any]) -> Any:
    """Add a provider. Its client secret is kept encrypted and never shown."""
    is_of_installation = body.pop("is_of_installation")
    if is_of_installation and not caller().is_platform_admin:
        raise Forbidden("only a platform admin may add a provider of the installation")
    with unit_of_work():
        return sso.add(caller().org_id, body, is_of_installation=is_of_installation)


@blueprint.put("/sso-providers/required")
@require_admin
@blueprint.arguments(RequireBody)
@blueprint.response(204)
def require(body: dict[str, Any]) -> None:
    """Close the door to passwords, or open it again. Closing ends the sessions they began."""
    with unit_of_work():
        sso.require(caller().org_id, is_required=body["is_required"])


@blueprint.get("/sso-providers/<provider_id>")
@require_admin
@blueprint.response(200, ProviderSchema)
def get(provider_id: str) -> Any:
    """One provider."""
    return sso.get(caller().org_id, provider_id, is_platform_admin=caller().is_platform_admin)


@blueprint.patch("/sso-providers/<provider_id>")
@require_admin
@blueprint.arguments(ChangeProvider)
@blueprint.response(200, ProviderSchema)
def change(body: dict[str, Any], provider_id: str) -> Any:
    """Change a provider. Another address wants the secret again."""
    with unit_of_work():
        return sso.change(
            caller().org_id, provider_id, body, is_platform_admin=caller().is_platform_admin
        )


@blueprint.delete("/sso-providers/<provider_id>")
@require_admin
@blueprint.response(204)
def delete(provider_id: str) -> None:
    """Delete a provider. Who came by it keeps their account."""
    with unit_of_work():
        sso.delete(caller().org_id, provider_id, is_platform_admin=caller().is_platform_admin)


@blueprint.post("/sso-providers/<provider_id>/test")
@require_admin
@blueprint.response(200, DiscoverySchema)
def probe(provider_id: str) -> Any:
    """Ask the provider what it says of itself; 502 when it is away or answers nonsense."""
    return (
        sso.probe(caller().org_id, provider_id, is_platform_admin=caller().is_platform_admin) or {}
    )


@blueprint.get("/oidc/group-mappings")
@require_admin
@blueprint.response(200, MappingsSchema)
def mappings() -> Any:
    """What the groups of identity providers mean here."""
    return {"data": sso_groups.find(caller().org_id)}


@blueprint.post("/oidc/group-mappings")
@require_admin
@blueprint.arguments(CreateMapping)
@blueprint.response(201, MappingSchema)
def add_mapping(body: dict[str, Any]) -> Any:
    """Let a group mean a team, a role, or both, from the next sign-in on."""
    with unit_of_work():
        return sso_groups.add(caller().org_id, **body)


@blueprint.delete("/oidc/group-mappings/<mapping_id>")
@require_admin
@blueprint.response(204)
def delete_mapping(mapping_id: str) -> None:
    """Forget a mapping; its people leave the team at their next sign-in."""
    with unit_of_work():
        sso_groups.delete(caller().org_id, mapping_id)


def redirect_uri() -> str:
    """The address to which every provider sends people back."""
    public_url = runtime().config.api_public_url or request.host_url.rstrip("/")
    return f"{public_url}/auth/sso/callback"
