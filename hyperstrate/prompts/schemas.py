"""What the prompts API takes and gives."""

from __future__ import annotations

from marshmallow import Schema, fields

from hyperstrate.shared.schemas import REQUIRED, name_field, page_of


class CreatePrompt(Schema):
    """A new prompt."""

    name = name_field()
    content = fields.String(required=True, error_messages=REQUIRED)
    description = fields.String(load_default="")


class UpdatePrompt(Schema):
    """What changes."""

    name = name_field(required=False)
    content = fields.String()
    description = fields.String()


class PromptSchema(Schema):
    """A prompt as it reads now."""

    id = fields.String()
    org_id = fields.String(data_key="orgId")
    name = fields.String()
    description = fields.String()
    content = fields.String()
    variables = fields.List(fields.String())
    created_at = fields.DateTime(data_key="createdAt")
    modified_at = fields.DateTime(data_key="modifiedAt")


class PromptVersionSchema(Schema):
    """A prompt as it read at one time."""

    id = fields.String()
    prompt_id = fields.String(data_key="promptId")
    version = fields.Integer()
    name = fields.String()
    content = fields.String()
    variables = fields.List(fields.String())
    created_at = fields.DateTime(data_key="createdAt")


PromptPage = page_of(PromptSchema)
PromptVersionPage = page_of(PromptVersionSchema)
