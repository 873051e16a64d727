"""What the router API takes and gives."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from hyperstrate.router.features import FEATURES
from hyperstrate.router.interceptors import INTERCEPTORS
from hyperstrate.router.routers import STATUSES
from hyperstrate.router.strategies import STRATEGIES
from hyperstrate.shared.schemas import Body, Text, page_of
from hyperstrate.shared.settings import schema_of

_strategy = validate.OneOf(list(STRATEGIES), error="must be one of: {choices}")
_status = validate.OneOf(STATUSES, error="must be one of: {choices}")
_percent = validate.Range(0, 100, error="must be from 0 to 100")
_weight = validate.Range(0, 1_000_000, error="must be from 0 to 1000000")
_priority = validate.Range(0, 1_000_000, error="must be from 0 to 1000000")
_order = validate.Range(0, 1_000_000, error="must be from 0 to 1000000")
_WEBHOOK_URL = {"description": "told of failures and refusals by signed POSTs; empty: nobody is"}
FEATURE_CONFIGS = [{"title": kind.name, **schema_of(kind.Config)} for kind in FEATURES]
INTERCEPTOR_CONFIGS = [
    {"title": name, **schema_of(kind.Config)} for name, kind in INTERCEPTORS.items()
]


class CreateRouter(Body):
    """A new router; it starts as a draft."""

    name = Text(required=True)
    strategy = Text(required=True, validate=_strategy)
    description = Text(load_default="", max=10_000)
    prompt_id = Text(data_key="promptId", load_default=None, allow_none=True)
    store_payloads = fields.Boolean(data_key="storePayloads", load_default=False)
    webhook_url = Text(data_key="webhookUrl", load_default="", max=2000, metadata=_WEBHOOK_URL)


class UpdateRouter(Body):
    """What changes; an empty promptId or webhookUrl clears."""

    name = Text(min=1)
    strategy = Text(validate=_strategy)
    status = Text(validate=_status)
    description = Text(max=10_000)
    prompt_id = Text(data_key="promptId")
    store_payloads = fields.Boolean(data_key="storePayloads")
    webhook_url = Text(data_key="webhookUrl", max=2000, metadata=_WEBHOOK_URL)


class RouterSchema(Schema):
    """A router."""

    id = fields.String()
    name = fields.String()
    description = fields.String()
    status = fields.String()
    strategy = fields.String()
    prompt_id = fields.String(
        attribute="configuration.prompt_id", data_key="promptId", allow_none=True
    )
    store_payloads = fields.Boolean(
        attribute="configuration.store_payloads", data_key="storePayloads"
    )
    webhook_url = fields.String(attribute="configuration.webhook_url", data_key="webhookUrl")
    created_at = fields.DateTime(data_key="createdAt")
    modified_at = fields.DateTime(data_key="modifiedAt")


RouterPage = page_of(RouterSchema)


class CreateTarget(Body):
    """A model that the router may choose."""

    model_id = Text(required=True, data_key="modelId")
    weight = fields.Integer(load_default=1, validate=_weight, strict=True)
    percentage = fields.Float(load_default=0.0, validate=_percent)
    priority = fields.Integer(load_default=0, validate=_priority, strict=True)
    prompt_id = Text(data_key="promptId", load_default=None, allow_none=True)


class UpdateTarget(Body):
    """What changes; an empty promptId clears."""

    weight = fields.Integer(validate=_weight, strict=True)
    percentage = fields.Float(validate=_percent)
    priority = fields.Integer(validate=_priority, strict=True)
    is_enabled = fields.Boolean(data_key="isEnabled")
    prompt_id = Text(data_key="promptId")


class UpdateTargetOfMany(UpdateTarget):
    """One target of several that change together."""

    id = Text(required=True)


class UpdateTargets(Body):
    """Targets that change together, so that percentages can move."""

    targets = fields.List(fields.Nested(UpdateTargetOfMany), required=True)


class OrderTargets(Body):
    """All targets of a router, in the order in which they are to be tried."""

    target_ids = fields.List(Text(), data_key="targetIds", required=True)


class TargetSchema(Schema):
    """A target."""

    id = fields.String()
    router_id = fields.String(data_key="routerId")
    model_id = fields.String(data_key="modelId")
    model = fields.Dict()
    weight = fields.Integer()
    percentage = fields.Float()
    priority = fields.Integer()
    is_enabled = fields.Boolean(data_key="isEnabled")
    prompt_id = fields.String(data_key="promptId", allow_none=True)
    created_at = fields.DateTime(data_key="createdAt")
    modified_at = fields.DateTime(data_key="modifiedAt")


class CreateFeature(Body):
    """Switch a pipeline feature on."""

    feature_type = Text(required=True, data_key="featureType")
    config = fields.Dict(load_default=dict, metadata={"anyOf": FEATURE_CONFIGS})
    execution_order = fields.Integer(data_key="executionOrder", load_default=0, validate=_order)


class CreateInterceptor(Body):
    """Put an interceptor in the pipeline."""

    kind = Text(required=True, data_key="type")
    config = fields.Dict(load_default=dict, metadata={"anyOf": INTERCEPTOR_CONFIGS})
    execution_order = fields.Integer(
        data_key="executionOrder", load_default=None, allow_none=True, validate=_order
    )


class UpdateStage(Body):
    """What changes; config replaces the whole."""

    config = fields.Dict(metadata={"anyOf": FEATURE_CONFIGS + INTERCEPTOR_CONFIGS})
    execution_order = fields.Integer(data_key="executionOrder", validate=_order)
    is_enabled = fields.Boolean(data_key="isEnabled")


class FeatureSchema(Schema):
    """A feature of a router."""

    id = fields.String()
    router_id = fields.String(data_key="routerId")
    feature_type = fields.String(data_key="featureType")
    config = fields.Dict(metadata={"anyOf": FEATURE_CONFIGS})
    execution_order = fields.Integer(data_key="executionOrder")
    is_enabled = fields.Boolean(data_key="isEnabled")
    created_at = fields.DateTime(data_key="createdAt")
    modified_at = fields.DateTime(data_key="modifiedAt")


class InterceptorSchema(Schema):
    """An interceptor of a router."""

    id = fields.String()
    router_id = fields.String(data_key="routerId")
    type = fields.String()
    config = fields.Dict(metadata={"anyOf": INTERCEPTOR_CONFIGS})
    execution_order = fields.Integer(data_key="executionOrder")
    is_enabled = fields.Boolean(data_key="isEnabled")
    created_at = fields.DateTime(data_key="createdAt")
    modified_at = fields.DateTime(data_key="modifiedAt")


class GrantAccess(Body):
    """A team that may use the router."""

    team_id = Text(required=True, data_key="teamId")


class AccessSchema(Schema):
    """A team that may use the router."""

    id = fields.String()
    router_id = fields.String(data_key="routerId")
    team_id = fields.String(data_key="teamId")
    org_id = fields.String(data_key="orgId")


class WebhookSchema(Schema):
    """The webhook of a router, and the secret that signs what it is sent."""

    url = fields.String(data_key="webhookUrl")
    secret = fields.String(metadata={"description": "the key of the HMAC-SHA-256"})


class FindingSchema(Schema):
    """A remark on how a router is set up; with an error it cannot answer as it is meant to."""

    severity = fields.String(validate=validate.OneOf(("error", "warning", "info")))
    code = fields.String()
    message = fields.String()
    target_id = fields.String(
        data_key="targetId", metadata={"description": "the target that it is about; or empty"}
    )


class LintSchema(Schema):
    """What is wrong, or likely not meant, in how a router is set up; errors first."""

    router_id = fields.String(data_key="routerId")
    ok = fields.Boolean(metadata={"description": "there is no error among the issues"})
    issues = fields.List(fields.Nested(FindingSchema))
