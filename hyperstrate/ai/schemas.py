"""What the ai module's API takes and gives, field by field; the forms take the same."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from hyperstrate.shared.schemas import REQUIRED, Body, PageArgs, page_of


def _text(max_length: int, **options: Any) -> fields.String:
    complaint = f"must be at most {max_length} characters"
    return fields.String(validate=validate.Length(max=max_length, error=complaint), **options)


def _seconds(name: str) -> fields.Float:
    limits = validate.Range(max=3600, error="must be at most 3600")
    return fields.Float(data_key=name, validate=limits, metadata={"description": "0: the default"})


def _price(path: str, name: str) -> fields.Float:
    return fields.Float(attribute=path, data_key=name, metadata={"description": "USD"})


class CatalogArgs(Schema):
    """Which definitions."""

    query = fields.String(load_default="")
    capabilities = fields.List(fields.String(), load_default=list)


class ModelsArgs(PageArgs):
    """Which registrations: ``ids``, or those that match and have all ``capabilities``."""

    ids = fields.List(fields.String(), load_default=list)
    query = fields.String(load_default="")
    capabilities = fields.List(fields.String(), load_default=list)


class IdsArgs(Schema):
    """Which models."""

    ids = fields.List(fields.String(), load_default=list)


class RegisterModel(Body):
    """Use a model of the catalog."""

    definition_key = fields.String(
        required=True, data_key="modelDefinitionKey", error_messages=REQUIRED
    )
    alias = _text(255, load_default="", allow_none=True)
    upstream_model = _text(
        255,
        load_default="",
        allow_none=True,
        data_key="upstreamModel",
        metadata={"description": "the name sent to the provider, in place of the definition's"},
    )


class UpdateModel(Body):
    """What changes; an empty text takes it away."""

    alias = _text(255)
    upstream_model = _text(255, data_key="upstreamModel")


class SetTimes(Body):
    """Seconds; zero or less is the default."""

    connect_timeout_secs = _seconds("connectTimeoutSecs")
    first_byte_timeout_secs = _seconds("firstByteTimeoutSecs")
    idle_timeout_secs = _seconds("idleTimeoutSecs")
    timeout_secs = _seconds("timeoutSecs")


class SetConfiguration(SetTimes):
    """How a model is reached. A blank key keeps the stored one; a pool of [] clears it."""

    base_url = _text(2000, data_key="baseUrl", load_default="")
    api_key = fields.String(data_key="apiKey", load_default="", load_only=True)
    api_secret = fields.String(data_key="apiSecret", load_default="", load_only=True)
    api_key_pool = fields.List(fields.String(), data_key="apiKeyPool", load_only=True)
    extra_headers = fields.Dict(
        keys=fields.String(), values=fields.String(), data_key="extraHeaders", load_only=True
    )


class ConfigurationForm(SetTimes):
    """The same as a form: keys and ``Name: value`` headers, one to a line."""

    base_url = _text(2000, data_key="baseUrl")
    api_key = fields.String(data_key="apiKey")
    api_secret = fields.String(data_key="apiSecret")
    api_key_pool = fields.String(data_key="apiKeyPool")
    clears_pool = fields.Boolean(data_key="clearsPool")
    extra_headers = fields.String(data_key="extraHeaders")


class CredentialSchema(Schema):
    """A secret that a provider asks for."""

    key = fields.String()
    label = fields.String()
    is_required = fields.Boolean(data_key="required")
    description = fields.String()


class InputFieldSchema(Schema):
    """A field of the native inference call."""

    key = fields.String()
    label = fields.String()
    type = fields.String()
    required = fields.Boolean()


class RatesSchema(Schema):
    """Prices of a million tokens."""

    input = _price("input", "inputPricePer1MTokens")
    cached_input = _price("cached_input", "cachedInputPricePer1MTokens")
    cache_write = _price("cache_write", "cacheWriteInputPricePer1MTokens")
    cache_write_1h = _price("cache_write_1h", "cacheWrite1hInputPricePer1MTokens")
    output = _price("output", "outputPricePer1MTokens")


class DefinitionSchema(Schema):
    """A model of the catalog. Prices are missing where they are not known."""

    key = fields.String(required=True)
    provider = fields.String(required=True)
    model_id = fields.String(required=True, data_key="modelId")
    display_name = fields.String(required=True, data_key="displayName")
    description = fields.String()
    input_fields = fields.List(fields.Nested(InputFieldSchema), data_key="inputFields")
    capabilities = fields.List(fields.String())
    operation = fields.String()
    context_window = fields.Integer(data_key="contextWindowTokens", allow_none=True)
    max_output_tokens = fields.Integer(data_key="maxOutputTokens", allow_none=True)
    deprecated = fields.String(metadata={"description": "the day it goes, as YYYY-MM-DD"})
    is_supported = fields.Boolean(data_key="isSupported")
    base_url = fields.String(attribute="profile.base_url", data_key="defaultBaseUrl")
    credentials = fields.List(
        fields.Nested(CredentialSchema),
        attribute="profile.credentials",
        data_key="credentialFields",
    )
    input = _price("prices.base.input", "inputPricePer1MTokens")
    cached_input = _price("prices.base.cached_input", "cachedInputPricePer1MTokens")
    cache_write = _price("prices.base.cache_write", "cacheWriteInputPricePer1MTokens")
    cache_write_1h = _price("prices.base.cache_write_1h", "cacheWrite1hInputPricePer1MTokens")
    output = _price("prices.base.output", "outputPricePer1MTokens")
    tiers = fields.List(
        fields.Tuple((fields.Integer(), fields.Nested(RatesSchema))),
        attribute="prices.tiers",
        data_key="priceTiers",
        metadata={"description": "[tokens of input, the prices above them]"},
    )


class ModelSchema(Schema):
    """A registered model."""

    id = fields.String(required=True)
    alias = fields.String(attribute="model.alias", allow_none=True)
    model_definition_key = fields.String(
        required=True, attribute="definition.key", data_key="modelDefinitionKey"
    )
    model_id = fields.String(required=True, attribute="upstream_model", data_key="modelId")
    provider = fields.String(required=True, attribute="definition.provider")
    display_name = fields.String(
        required=True, attribute="definition.display_name", data_key="displayName"
    )
    description = fields.String(attribute="definition.description")
    capabilities = fields.List(fields.String(), attribute="definition.capabilities")
    input_fields = fields.List(
        fields.Nested(InputFieldSchema), attribute="definition.input_fields", data_key="inputFields"
    )
    credentials = fields.List(
        fields.Nested(CredentialSchema),
        attribute="definition.profile.credentials",
        data_key="credentialFields",
    )
    base_url = fields.String(attribute="definition.profile.base_url", data_key="defaultBaseUrl")
    has_configuration = fields.Boolean(required=True, data_key="hasConfiguration")
    is_ready = fields.Boolean(data_key="isReady")
    is_priced = fields.Boolean(data_key="isPriced")
    tested_at = fields.DateTime(attribute="model.tested_at", data_key="testedAt", allow_none=True)
    test_error = fields.String(attribute="model.test_error", data_key="testError")
    created_at = fields.DateTime(required=True, attribute="model.created_at", data_key="createdAt")
    modified_at = fields.DateTime(
        required=True, attribute="model.modified_at", data_key="modifiedAt"
    )


ModelPage = page_of(ModelSchema)


class ConfigurationSchema(Schema):
    """How a model is reached, without its secrets."""

    id = fields.String(required=True)
    model_id = fields.String(required=True, data_key="modelId")
    base_url = fields.String(required=True, data_key="baseUrl")
    has_api_key = fields.Boolean(required=True, data_key="hasApiKey")
    has_api_secret = fields.Boolean(required=True, data_key="hasApiSecret")
    api_key_pool_size = fields.Integer(data_key="apiKeyPoolSize")
    shown_headers = fields.Dict(
        keys=fields.String(), values=fields.String(), data_key="extraHeaders"
    )
    connect_timeout_secs = fields.Float(data_key="connectTimeoutSecs")
    first_byte_timeout_secs = fields.Float(data_key="firstByteTimeoutSecs")
    idle_timeout_secs = fields.Float(data_key="idleTimeoutSecs")
    timeout_secs = fields.Float(required=True, data_key="timeoutSecs")


class TestSchema(Schema):
    """What a tiny call said."""

    __test__ = False
    is_ok = fields.Boolean(data_key="ok")
    latency_ms = fields.Float(data_key="latencyMs")
    model = fields.String()
    text = fields.String()
    error = fields.String()
