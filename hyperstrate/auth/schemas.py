"""What the auth API and its pages' forms take and give: one schema per operation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, validate

from hyperstrate.auth import passwords
from hyperstrate.shared.db import now
from hyperstrate.shared.schemas import Body, PageArgs, Text, page_of


def _email() -> Text:
    return Text(required=True, validate=validate.Email(error="must be a valid email address"))


def _new_password(**options: Any) -> Text:
    return Text(
        min=passwords.MIN_LENGTH, max=passwords.MAX_LENGTH, required=True, strip=False, **options
    )


def _password(**options: Any) -> Text:
    return Text(max=passwords.MAX_LENGTH, required=True, strip=False, **options)


def _in_the_future(moment: datetime) -> None:
    if not now() < moment < now() + timedelta(days=36_500):
        raise ValidationError("must be in the future, within a hundred years")


def _expiry(**options: Any) -> fields.AwareDateTime:
    return fields.AwareDateTime(
        data_key="expiresAt", default_timezone=UTC, validate=_in_the_future, **options
    )


class SetupBody(Body):
    """The first organization and its admin."""

    setup_token = Text(data_key="setupToken", required=True)
    org_name = Text(data_key="orgName", required=True)
    name = Text(required=True)
    email = _email()
    password = _new_password()


class LoginBody(Body):
    """Who signs in."""

    email = _email()
    password = _password()


class PasswordBody(Body):
    """A new password, and proof of the old one."""

    current_password = _password(data_key="currentPassword")
    new_password = _new_password(data_key="newPassword")


class CreateKey(Body):
    """A new API key. ``routerId`` is required for the scope ``router``."""

    name = Text(required=True)
    description = Text(load_default="", max=2000)
    team_id = Text(data_key="teamId", load_default="", max=100)
    router_id = Text(data_key="routerId", load_default="", max=100)
    scope = fields.String(
        load_default="router",
        validate=validate.OneOf(["router", "global"], error="must be one of: router global"),
    )
    expires_at = _expiry(load_default=None, allow_none=True)


class ChangeKey(Body):
    """What changes; an ``expiresAt`` of null means never."""

    name = Text(min=1)
    description = Text(max=2000)
    is_enabled = fields.Boolean(data_key="isEnabled")
    expires_at = _expiry(allow_none=True)


class KeyArgs(PageArgs):
    """Which keys."""

    router_id = Text(data_key="routerId", load_default="", max=100)
    team_id = Text(data_key="teamId", load_default="", max=100)


class TeamArgs(PageArgs):
    """Which teams."""

    ids = fields.List(Text(max=100), load_default=[], validate=validate.Length(max=500))
    query = Text(load_default="")


def _ceiling() -> validate.Range:
    return validate.Range(0, 10**11, error="must be from {min} to {max}")


class ChangeTeam(Body):
    """What changes."""

    name = Text(min=1)
    description = Text(max=2000)
    max_requests = fields.Integer(data_key="maxRequests", strict=True, validate=_ceiling())
    max_cost_usd = fields.Float(data_key="maxCostUsd", validate=_ceiling())
    is_enabled = fields.Boolean(data_key="isEnabled")


class CreateTeam(ChangeTeam):
    """A new team. Ceilings of zero mean none."""

    class Meta(Body.Meta):
        exclude = ("is_enabled",)

    name = Text(required=True)


class Answer(Schema):
    """What has no value is left out."""

    @post_dump
    def _without_nulls(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class SetupStatusSchema(Schema):
    """Whether set-up is still to be done."""

    required = fields.Boolean()


class UserSchema(Answer):
    """A person."""

    id = fields.String()
    org_id = fields.String(data_key="orgId")
    email = fields.String()
    name = fields.String()
    avatar = fields.String()
    role = fields.String()
    last_login_at = fields.DateTime(data_key="lastLoginAt")
    created_at = fields.DateTime(data_key="createdAt")
    modified_at = fields.DateTime(data_key="modifiedAt")


class OrganizationSchema(Schema):
    """An organization."""

    id = fields.String()
    name = fields.String()
    slug = fields.String()
    is_enabled = fields.Boolean(data_key="isEnabled")
    created_at = fields.DateTime(data_key="createdAt")
    modified_at = fields.DateTime(data_key="modifiedAt")


class SessionSchema(Schema):
    """A session token and its owner."""

    token = fields.String()
    user = fields.Nested(UserSchema)


class SetupSchema(SessionSchema):
    """What set-up made, and the admin's session."""

    organization = fields.Nested(OrganizationSchema)


class TeamSchema(Schema):
    """A team."""

    id = fields.String()
    org_id = fields.String(data_key="orgId")
    name = fields.String()
    description = fields.String()
    max_requests = fields.Integer(data_key="maxRequests")
    max_cost_usd = fields.Float(data_key="maxCostUsd")
    is_enabled = fields.Boolean(data_key="isEnabled")
    created_at = fields.DateTime(data_key="createdAt")
    modified_at = fields.DateTime(data_key="modifiedAt")


class ReferenceSchema(Schema):
    """Something else, by id and name."""

    id = fields.String()
    name = fields.String()


class KeySchema(Answer):
    """An API key."""

    id = fields.String(attribute="key.id")
    org_id = fields.String(attribute="key.org_id", data_key="orgId")
    team_id = fields.String(attribute="key.team_id", data_key="teamId")
    router_id = fields.String(attribute="key.router_id", data_key="routerId")
    virtual_key_id = fields.String(attribute="key.virtual_key_id", data_key="virtualKeyId")
    name = fields.String(attribute="key.name")
    description = fields.String(attribute="key.description")
    prefix = fields.String(attribute="key.prefix")
    scope = fields.String(attribute="key.scope")
    status = fields.String()
    is_enabled = fields.Boolean(attribute="key.is_enabled", data_key="isEnabled")
    expires_at = fields.DateTime(attribute="key.expires_at", data_key="expiresAt")
    last_used_at = fields.DateTime(attribute="key.last_used_at", data_key="lastUsedAt")
    created_at = fields.DateTime(attribute="key.created_at", data_key="createdAt")
    created_by = fields.String(attribute="key.created_by", data_key="createdBy")
    team = fields.Nested(ReferenceSchema, attribute="key.team")
    router = fields.Nested(ReferenceSchema)


class IssuedKeySchema(KeySchema):
    """An API key with its secret, which is not shown again."""

    key = fields.String(attribute="plaintext")


UserPage = page_of(UserSchema)
OrganizationPage = page_of(OrganizationSchema)
TeamPage = page_of(TeamSchema)
KeyPage = page_of(KeySchema)
