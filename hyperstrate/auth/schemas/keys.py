"""What the API of keys and its pages' forms take and give: one schema per operation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate

from hyperstrate.auth.keys.key_rows import NEVER
from hyperstrate.shared.db import now
from hyperstrate.shared.schemas import Body, PageArgs, Text, page_of

EVERY_ROUTER = "global"
MAX_RULES = 100
MAX_OVERLAP_MINUTES = 7 * 24 * 60


def _in_the_future(moment: datetime) -> None:
    if not now() < moment < now() + timedelta(days=36_500):
        raise ValidationError("must be in the future, within a hundred years")


def expiry(**options: Any) -> fields.AwareDateTime:
    return fields.AwareDateTime(
        data_key="expiresAt", default_timezone=UTC, validate=_in_the_future, **options
    )


class Network(Text):
    """An address or network, kept as CIDR."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        try:
            return str(ip_network(text, strict=False))
        except ValueError:
            raise ValidationError("must be a network such as 10.0.0.0/8 or 2001:db8::/32") from None


class Lines(fields.List[Any]):
    """A list of texts, each once. A form sends one text with a line for each."""

    def __init__(self, inner: Text, **options: Any) -> None:
        inner.error_messages["invalid"] = "must be text"
        most = validate.Length(max=MAX_RULES, error="must be at most {max}")
        super().__init__(inner, validate=most, **options)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list):
            value = [line for text in value for line in _lines(text)]
        return list(dict.fromkeys(super()._deserialize(value, attr, data, **kwargs)))


def _lines(text: Any) -> list[Any]:
    if not isinstance(text, str):
        return [text]
    return [line.strip() for line in text.splitlines() if line.strip()]


class RuleFields(Body):
    """What a key may be used for. An empty list allows all; a denied model stays denied."""

    allowed_routers = Lines(Text(max=100), data_key="allowedRouters")
    allowed_models = Lines(Text(max=200), data_key="allowedModels")
    denied_models = Lines(Text(max=200), data_key="deniedModels")
    allowed_networks = Lines(Network(max=100), data_key="allowedNetworks")
    content_logging = fields.String(
        data_key="contentLogging",
        validate=validate.OneOf(["inherit", "on", "off"], error="must be one of: inherit on off"),
    )


class CreateKey(RuleFields):
    """A new API key. ``routerId`` is required for the scope ``router``."""

    name = Text(required=True)
    description = Text(load_default="", max=2000)
    team_id = Text(data_key="teamId", load_default="", max=100)
    router_id = Text(data_key="routerId", load_default="", max=100)
    virtual_key_id = Text(data_key="virtualKeyId", load_default="", max=100)
    scope = fields.String(
        load_default="router",
        validate=validate.OneOf(["router", "global"], error="must be one of: router global"),
    )
    expires_at = expiry(load_default=None, allow_none=True)


class KeyForm(CreateKey):
    """The page's form of a new key: one field says what it opens, a router or all of them."""

    class Meta(Body.Meta):
        exclude = (
            "scope", "router_id", "virtual_key_id", "allowed_routers", "allowed_models",
            "denied_models", "allowed_networks", "content_logging",
        )  # fmt: skip

    opens = Text(required=True, max=100)

    @post_load
    def _read(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        opens = values.pop("opens")
        binding = (
            {"scope": "global", "router_id": ""}
            if opens == EVERY_ROUTER
            else {"scope": "router", "router_id": opens}
        )
        return {**values, **binding}


class ChangeKey(RuleFields):
    """What changes; an ``expiresAt`` of null means never, an empty ``virtualKeyId`` none."""

    name = Text(min=1)
    description = Text(max=2000)
    is_enabled = fields.Boolean(data_key="isEnabled")
    expires_at = expiry(allow_none=True)
    virtual_key_id = Text(data_key="virtualKeyId", max=100)


class RotateKey(Body):
    """How long the old secret works beside the new one, and what the caller calls this rotation.

    Who asks again by the same ``rotationId`` changes nothing, and gets no secret.
    """

    overlap_minutes = fields.Integer(
        data_key="overlapMinutes",
        load_default=0,
        validate=validate.Range(0, MAX_OVERLAP_MINUTES, error="must be from {min} to {max}"),
    )
    rotation_id = Text(data_key="rotationId", load_default="", max=100)


class CheckText(Body):
    """A text in which keys may have leaked."""

    text = Text(required=True, max=2**20)


class KeyArgs(PageArgs):
    """Which keys. ``unused``: never, or for so many days."""

    router_id = Text(data_key="routerId", load_default="", max=100)
    team_id = Text(data_key="teamId", load_default="", max=100)
    unused = Text(
        load_default="",
        validate=validate.Regexp(
            rf"({NEVER}|\d{{1,5}})?$", error=f"must be {NEVER} or a number of days"
        ),
    )


class Answer(Schema):
    """What has no value is left out."""

    @post_dump
    def _without_nulls(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class ReferenceSchema(Schema):
    """Something else, by id and name."""

    id = fields.String()
    name = fields.String()


class RotationSchema(Answer):
    """The secret that was replaced last."""

    rotation_id = fields.String(attribute="key.rotation_id", data_key="rotationId")
    rotated_at = fields.DateTime(attribute="key.rotated_at", data_key="rotatedAt")
    is_overlapping = fields.Boolean(data_key="isOverlapping")
    last_used_at = fields.DateTime(attribute="key.last_used_at", data_key="lastUsedAt")
    previous_prefix = fields.String(attribute="key.previous_prefix", data_key="previousPrefix")
    previous_expires_at = fields.DateTime(
        attribute="key.previous_expires_at", data_key="previousExpiresAt"
    )
    previous_last_used_at = fields.DateTime(
        attribute="key.previous_last_used_at", data_key="previousLastUsedAt"
    )


class AnyKeySchema(Answer):
    """What every kind of key shows. ``lastUsedAt``: by whichever secret."""

    id = fields.String(attribute="key.id")
    org_id = fields.String(attribute="key.org_id", data_key="orgId")
    team_id = fields.String(attribute="key.team_id", data_key="teamId")
    router_id = fields.String(attribute="key.router_id", data_key="routerId")
    name = fields.String(attribute="key.name")
    description = fields.String(attribute="key.description")
    prefix = fields.String(attribute="key.prefix")
    status = fields.String()
    is_enabled = fields.Boolean(attribute="key.is_enabled", data_key="isEnabled")
    expires_at = fields.DateTime(attribute="key.expires_at", data_key="expiresAt")
    last_used_at = fields.DateTime(data_key="lastUsedAt")
    created_at = fields.DateTime(attribute="key.created_at", data_key="createdAt")
    modified_at = fields.DateTime(attribute="key.modified_at", data_key="modifiedAt")
    created_by = fields.String(attribute="key.created_by", data_key="createdBy")
    allowed_routers = fields.List(
        fields.String(), attribute="key.allowed_routers", data_key="allowedRouters"
    )
    allowed_models = fields.List(
        fields.String(), attribute="key.allowed_models", data_key="allowedModels"
    )
    denied_models = fields.List(
        fields.String(), attribute="key.denied_models", data_key="deniedModels"
    )
    allowed_networks = fields.List(
        fields.String(), attribute="key.allowed_networks", data_key="allowedNetworks"
    )
    content_logging = fields.String(attribute="key.content_logging", data_key="contentLogging")
    rotation = fields.Nested(RotationSchema)
    owner = fields.Nested(ReferenceSchema)
    team = fields.Nested(ReferenceSchema, attribute="key.team")
    router = fields.Nested(ReferenceSchema)


class KeySchema(AnyKeySchema):
    """An API key."""

    scope = fields.String(attribute="key.scope")
    virtual_key_id = fields.String(attribute="key.virtual_key_id", data_key="virtualKeyId")
    virtual_key = fields.Nested(ReferenceSchema, data_key="virtualKey")


class IssuedKeySchema(KeySchema):
    """An API key with its secret, which is not shown again."""

    key = fields.String(attribute="secret")


class LeakSchema(Answer):
    """A key in a text, by its beginning. Without an ``id`` it is nobody's any more."""

    shown = fields.String()
    line = fields.Integer()
    id = fields.String(attribute="view.key.id")
    kind = fields.String(attribute="view.key.__audit__")
    name = fields.String(attribute="view.key.name")
    status = fields.String(attribute="view.status")
    is_previous = fields.Boolean(data_key="isPrevious")


class LeaksSchema(Schema):
    """The keys that stand in a text."""

    data = fields.List(fields.Nested(LeakSchema))


KeyPage = page_of(KeySchema)
