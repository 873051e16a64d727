"""What the API of single sign-on and its pages' forms take and give."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from hyperstrate.auth.people.directory import ROLES
from hyperstrate.auth.schemas.keys import Answer
from hyperstrate.auth.sso.providers import PRESETS
from hyperstrate.shared.schemas import Body, Text

DEFAULT_ROLES = ("viewer", "member", "")
MAX_TOKEN_LENGTH = 64_000


def _choice(words: tuple[str, ...], **options: Any) -> fields.String:
    told = " ".join(word or "(empty)" for word in words)
    return fields.String(validate=validate.OneOf(words, error=f"must be one of: {told}"), **options)


class ChangeProvider(Body):
    """What changes; ``clientSecret`` is kept when it is not sent. ``issuer`` of a discovery URL."""

    kind = _choice(tuple(PRESETS), data_key="type")
    name = Text(min=1, max=100)
    issuer = Text(max=500)
    client_id = Text(data_key="clientId", min=1, max=500)
    client_secret = Text(data_key="clientSecret", max=2000)
    scopes = Text(max=500)
    groups_claim = Text(data_key="groupsClaim", max=200)
    domains = fields.List(Text(min=1, max=253), validate=validate.Length(max=100))
    default_role = _choice(DEFAULT_ROLES, data_key="defaultRole")
    is_enabled = fields.Boolean(data_key="isEnabled")


class CreateProvider(ChangeProvider):
    """A new provider. ``isOfInstallation``: of all organizations; for platform admins."""

    kind = _choice(tuple(PRESETS), data_key="type", required=True)
    name = Text(required=True, max=100)
    client_id = Text(data_key="clientId", required=True, max=500)
    is_of_installation = fields.Boolean(data_key="isOfInstallation", load_default=False)


class ProviderForm(CreateProvider):
    """The page's form: domains come as one text, a line or comma between them."""

    domains = Text(max=5000)  # type: ignore[assignment]

    @post_load
    def _split(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        words = values.get("domains", "").replace(",", " ").split()
        return {**values, "domains": words}


class ProviderSchema(Answer):
    """An identity provider; its secret is never shown."""

    id = fields.String()
    orgId = fields.String(attribute="org_id", metadata={"description": "absent: installation"})
    type = fields.String(attribute="kind")
    name = fields.String()
    issuer = fields.String()
    clientId = fields.String(attribute="client_id")
    hasClientSecret = fields.Function(lambda row: bool(row.client_secret))
    scopes = fields.String()
    groupsClaim = fields.String(attribute="groups_claim")
    domains = fields.List(fields.String())
    defaultRole = fields.String(attribute="default_role")
    isEnabled = fields.Boolean(attribute="is_enabled")
    createdAt = fields.AwareDateTime(attribute="created_at")
    modifiedAt = fields.AwareDateTime(attribute="modified_at")


class ProvidersSchema(Schema):
    """The providers, and the address to register at each of them."""

    data = fields.List(fields.Nested(ProviderSchema))
    redirectUri = fields.String()
    isRequired = fields.Boolean(metadata={"description": "passwords open nothing here"})
    passwordSessions = fields.Integer(
        metadata={"description": "sessions that would end if single sign-on were required"}
    )


class DiscoverySchema(Answer):
    """What a provider says of itself."""

    issuer = fields.String()
    authorizationEndpoint = fields.String(attribute="authorization_endpoint")
    tokenEndpoint = fields.String(attribute="token_endpoint")
    jwksUri = fields.String(attribute="jwks_uri")
    userinfoEndpoint = fields.String(attribute="userinfo_endpoint")
    endSessionEndpoint = fields.String(attribute="end_session_endpoint")


class RequireBody(Body):
    """Whether people of the organization may only come by single sign-on."""

    is_required = fields.Boolean(data_key="isRequired", required=True)


class ButtonSchema(Schema):
    """A way to sign in. ``id`` is empty for one of OIDC_PROVIDERS."""

    id = fields.String()
    type = fields.String()
    name = fields.String()


class CreateMapping(Body):
    """What a group means: a team, a role, or both."""

    group_name = Text(data_key="groupName", required=True)
    team_id = Text(data_key="teamId", load_default="", max=100)
    role = _choice((*ROLES, ""), load_default="")


class MappingSchema(Answer):
    """What a group means."""

    id = fields.String()
    orgId = fields.String(attribute="org_id")
    groupName = fields.String(attribute="group_name")
    teamId = fields.String(attribute="team_id")
    role = fields.Function(lambda row: row.role or None)
    createdAt = fields.AwareDateTime(attribute="created_at")


class MappingsSchema(Schema):
    """All mappings of the organization."""

    data = fields.List(fields.Nested(MappingSchema))


class ExchangeBody(Body):
    """A token of the issuer that OIDC_JWKS_URL, OIDC_ISSUER and OIDC_AUDIENCE name."""

    token = Text(required=True, max=MAX_TOKEN_LENGTH)
