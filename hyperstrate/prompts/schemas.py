"""What the prompts API takes and gives."""

from __future__ import annotations

from marshmallow import Schema, fields

from hyperstrate.shared.schemas import Body, Text, page_of


class CreatePrompt(Body):
    """A new prompt."""

    name = Text(required=True)
    content = Text(required=True, max=1_000_000, strip=False)
    description = Text(load_default="", max=10_000)


class UpdatePrompt(Body):
    """What changes."""

    name = Text(min=1)
    content = Text(min=1, max=1_000_000, strip=False)
    description = Text(max=10_000)


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
