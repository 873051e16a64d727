"""What the API of people and its pages' forms take and give: one schema per operation."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from hyperstrate.auth.people import passwords
from hyperstrate.auth.people.directory import ROLES
from hyperstrate.auth.people.invitations import DEFAULT_DAYS, MAX_DAYS
from hyperstrate.auth.schemas.keys import Answer
from hyperstrate.shared.schemas import Body, PageArgs, Text, page_of


def _email(**options: Any) -> Text:
    return Text(
        required=True, **options, validate=validate.Email(error="must be a valid email address")
    )


def _new_password(**options: Any) -> Text:
    return Text(
        min=passwords.MIN_LENGTH, max=passwords.MAX_LENGTH, required=True, strip=False, **options
    )


def _password(**options: Any) -> Text:
    return Text(max=passwords.MAX_LENGTH, required=True, strip=False, **options)


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


def _role(**options: Any) -> fields.String:
    known = validate.OneOf(ROLES, error=f"must be one of: {' '.join(ROLES)}")
    return fields.String(validate=known, **options)


class SwitchBody(Body):
    """Where to go on."""

    org_id = Text(data_key="orgId", required=True, max=100)


class ProfileBody(Body):
    """One's own name."""

    name = Text(required=True)


class CreateOrganization(Body):
    """A new tenant."""

    name = Text(required=True)


class ChangeOrganization(Body):
    """What changes; only a platform admin enables and disables."""

    name = Text(min=1)
    is_enabled = fields.Boolean(data_key="isEnabled")


class ChangeUser(Body):
    """What changes. ``orgId`` may be sent, and is the caller's organization."""

    role = _role()
    is_enabled = fields.Boolean(data_key="isEnabled")
    name = Text(min=1)
    org_id = Text(data_key="orgId", max=100)


class CreateInvitation(Body):
    """Whom to invite, as what, into which teams, for how many days."""

    email = _email()
    role = _role(load_default="member")
    team_ids = fields.List(
        Text(max=100), data_key="teamIds", load_default=[], validate=validate.Length(max=100)
    )
    expires_in_days = fields.Integer(
        data_key="expiresInDays",
        load_default=DEFAULT_DAYS,
        strict=True,
        validate=validate.Range(1, MAX_DAYS, error="must be from {min} to {max}"),
    )


class InvitationForm(CreateInvitation):
    """The page's form of an invitation: numbers come as text."""

    expires_in_days = fields.Integer(
        data_key="expiresInDays",
        load_default=DEFAULT_DAYS,
        validate=validate.Range(1, MAX_DAYS, error="must be from {min} to {max}"),
    )


class AcceptInvitation(Body):
    """A link's token. Who is new gives name and password; who is known, the password they have."""

    token = Text(required=True, max=200)
    name = Text(load_default="")
    password = Text(load_default="", max=passwords.MAX_LENGTH, strip=False)


class TeamMember(Body):
    """Who comes into a team."""

    user_id = Text(data_key="userId", required=True, max=100)


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


class SetupStatusSchema(Schema):
    """Whether set-up is still to be done."""

    required = fields.Boolean()


class UserSchema(Answer):
    """A person as a member of an organization."""

    id = fields.String(attribute="user.id")
    org_id = fields.String(data_key="orgId")
    email = fields.String(attribute="user.email")
    name = fields.String(attribute="user.name")
    avatar = fields.String(attribute="user.avatar")
    role = fields.String()
    is_enabled = fields.Boolean(data_key="isEnabled")
    is_platform_admin = fields.Boolean(
        attribute="user.is_platform_admin", data_key="isPlatformAdmin"
    )
    last_login_at = fields.DateTime(attribute="user.last_login_at", data_key="lastLoginAt")
    created_at = fields.DateTime(attribute="user.created_at", data_key="createdAt")
    modified_at = fields.DateTime(attribute="user.modified_at", data_key="modifiedAt")


class PlaceSchema(Schema):
    """An organization that a person belongs to, and as what."""

    id = fields.String()
    name = fields.String()
    role = fields.String()


class ProfileSchema(UserSchema):
    """Who is signed in, with the organizations to which they may switch."""

    organizations = fields.List(fields.Nested(PlaceSchema))


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
    user = fields.Nested(ProfileSchema)


class SetupSchema(SessionSchema):
    """What set-up made, and the admin's session."""

    organization = fields.Nested(OrganizationSchema)


class OpenSessionSchema(Schema):
    """Where a person is signed in: on what, from where, since when."""

    id = fields.String(attribute="session.id")
    org_id = fields.String(attribute="session.org_id", data_key="orgId")
    kind = fields.String(attribute="session.kind")
    method = fields.String(attribute="session.method")
    device = fields.String()
    address = fields.String(attribute="session.address")
    is_current = fields.Boolean(data_key="isCurrent")
    created_at = fields.DateTime(attribute="session.created_at", data_key="createdAt")
    last_seen_at = fields.DateTime(attribute="session.last_seen_at", data_key="lastSeenAt")
    expires_at = fields.DateTime(attribute="session.expires_at", data_key="expiresAt")


class OpenSessionsSchema(Schema):
    """Where a person is signed in, the latest used first."""

    data = fields.List(fields.Nested(OpenSessionSchema))


class EndedSchema(Schema):
    """How many sessions ended."""

    ended = fields.Integer()


class InvitationSchema(Answer):
    """An invitation."""

    id = fields.String(attribute="invitation.id")
    org_id = fields.String(attribute="invitation.org_id", data_key="orgId")
    email = fields.String(attribute="invitation.email")
    role = fields.String(attribute="invitation.role")
    team_ids = fields.List(fields.String(), attribute="invitation.team_ids", data_key="teamIds")
    status = fields.String()
    expires_at = fields.DateTime(attribute="invitation.expires_at", data_key="expiresAt")
    accepted_at = fields.DateTime(attribute="invitation.accepted_at", data_key="acceptedAt")
    created_at = fields.DateTime(attribute="invitation.created_at", data_key="createdAt")
    created_by = fields.String(attribute="invitation.created_by", data_key="createdBy")


class NewInvitationSchema(InvitationSchema):
    """An invitation with its link, which is not shown again. No mail is sent: pass it on."""

    token = fields.String()
    link = fields.String()


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


UserPage = page_of(UserSchema)
OrganizationPage = page_of(OrganizationSchema)
InvitationPage = page_of(InvitationSchema)
TeamPage = page_of(TeamSchema)
