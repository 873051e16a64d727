"""What the forms of the pages send, where it is not what the API takes."""

from __future__ import annotations

from marshmallow import fields, validate

from hyperstrate.shared.schemas import Body, Text

_number = validate.Range(0, 1_000_000, error="must be from 0 to 1000000")
MAX_PROMPT = 100_000


class SettingsForm(Body):
    """The whole Settings tab; no team means everybody."""

    name = Text(required=True)
    description = Text(load_default="", max=10_000)
    prompt_id = Text(data_key="promptId", load_default="")
    store_payloads = fields.Boolean(data_key="storePayloads")
    teams = fields.List(Text())


class WebhookForm(Body):
    """Where a router's webhook is."""

    webhook_url = Text(data_key="webhookUrl", required=True, max=2000)


class TargetForm(Body):
    """A target; a form shows of it what the router's strategy asks for."""

    model_id = Text(data_key="modelId", required=True)
    weight = fields.Integer(validate=_number)
    priority = fields.Integer(validate=_number)
    prompt_id = Text(data_key="promptId", load_default="")


class TrialForm(Body):
    """A question to try a router with."""

    prompt = Text(required=True, strip=False, max=MAX_PROMPT)
    system_prompt = Text(data_key="systemPrompt", load_default="", strip=False, max=MAX_PROMPT)
    is_stream = fields.Boolean(data_key="stream")
    bypasses_cache = fields.Boolean(data_key="bypassCache")
