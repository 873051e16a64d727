"""What the audit's API takes and gives."""

from __future__ import annotations

from marshmallow import fields, validate

from hyperstrate.observability.schemas import CamelSchema, PeriodArgs, plain

OUTCOMES = ("success", "refused", "failed")
SCOPES = ("organization", "installation")


class ScopeArgs(CamelSchema):
    """Which chain; the installation's is for platform admins."""

    scope = fields.String(
        load_default=SCOPES[0],
        validate=validate.OneOf(SCOPES, error=f"must be one of: {' '.join(SCOPES)}"),
    )


class AuditFilterArgs(PeriodArgs, ScopeArgs):
    """Which entries. ``actor``: an id, or a part of an e-mail."""

    actor = plain(255)
    action = plain()
    resource = plain()
    resource_id = plain()
    outcome = fields.String(
        load_default="",
        validate=validate.OneOf(("", *OUTCOMES), error=f"must be one of: {' '.join(OUTCOMES)}"),
    )
    address = plain()


class AuditArgs(AuditFilterArgs):
    """Which entries, how many, after how many."""

    limit = fields.Integer(
        load_default=50, metadata={"description": "from 1 to 200; anything else means 50"}
    )
    offset = fields.Integer(load_default=0)


class AuditSchema(CamelSchema):
    """What somebody did, or was refused: one link of the organization's chain."""

    id = fields.String()
    seq = fields.Integer(metadata={"description": "its place in the chain, from 1"})
    org_id = fields.String()
    created_at = fields.DateTime()
    actor_kind = fields.String(metadata={"description": "person, api_key, anonymous or system"})
    user_id = fields.String()
    user_email = fields.String(metadata={"description": "who: an e-mail, a key or a command"})
    action = fields.String()
    resource = fields.String()
    resource_id = fields.String()
    outcome = fields.String(metadata={"description": "success, refused or failed"})
    details = fields.String(
        metadata={"description": "JSON: before and after by column, and why it was refused"}
    )
    ip_address = fields.String()
    user_agent = fields.String()
    request_id = fields.String()
    prev_hash = fields.String()
    hash = fields.String(
        metadata={
            "description": "SHA-256 of the other columns, the hash of the row before included"
        }
    )


class AuditListSchema(CamelSchema):
    """Entries, newest first, and how many there are."""

    data = fields.List(fields.Nested(AuditSchema))
    total = fields.Integer()


class AuditVerdictSchema(CamelSchema):
    """What became of a chain."""

    is_whole = fields.Boolean()
    rows = fields.Integer(metadata={"description": "how many were looked at"})
    seq = fields.Integer(metadata={"description": "of the end of the chain"})
    hash = fields.String(metadata={"description": "of the end of the chain"})
    problem = fields.String()
    at = fields.Integer(metadata={"description": "the first row that is wrong"})
