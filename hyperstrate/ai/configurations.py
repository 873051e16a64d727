"""Where a registered model is reached, and with what: written encrypted, never given out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy import select

from hyperstrate.ai import registrations
from hyperstrate.ai.models import REDACTED, Model, ModelConfiguration
from hyperstrate.ai.providers.base import Timeouts
from hyperstrate.ai.providers.dummy import SCHEME as DUMMY_SCHEME
from hyperstrate.ai.providers.dummy import script_of
from hyperstrate.ai.registrations import TOPIC, Registered
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.cache import bump
from hyperstrate.shared.crypto import encrypt
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import BadRequest, NotFound

DEFAULTS = Timeouts()
MAX_HEADERS, MAX_POOL, MAX_SECRET = 50, 100, 8_000
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
# RFC 9110 section 7.6.1, and those that the gateway writes itself.
FORBIDDEN_HEADERS = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
     "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length", "content-type",
     "content-encoding", "accept-encoding", "expect", "authorization", "x-api-key", "api-key"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is asked for. An empty key keeps the stored one, and so does a pool of None.

    Headers of None keep the stored ones; a header whose value is ``<redacted>`` keeps its own.
    Times are seconds; zero or less is the default.
    """

    base_url: str = ""
    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    api_key_pool: Sequence[str] | None = field(default=None, repr=False)
    extra_headers: Mapping[str, str] | None = field(default=None, repr=False)
    connect_timeout_secs: float = 0
    first_byte_timeout_secs: float = 0
    idle_timeout_secs: float = 0
    timeout_secs: float = 0


def configure(
    org_id: str, model_id: str, wanted: Configuration, *, rules: AddressRules
) -> ModelConfiguration:
    """Set how a model is reached. Raises NotFound, and BadRequest that names every wrong field."""
    found = registrations.get(org_id, model_id)
    base_url = wanted.base_url.strip() or found.definition.profile.base_url
    if found.definition.provider == "DUMMY":
        url_complaint = _dummy_complaint(base_url)
    else:
        url_complaint = _url_complaint(base_url, rules)
    _check(wanted, url_complaint)
    row = found.configuration or _new(found.model)
    if row.base_url and _origin(row.base_url) != _origin(base_url):
        _check_secrets_anew(row, wanted)
    row.base_url = base_url
    if wanted.api_key.strip():
        row.api_key = encrypt(wanted.api_key.strip())
    if wanted.api_secret.strip():
        row.api_secret = encrypt(wanted.api_secret.strip())
    if wanted.api_key_pool is not None:
        keys = dict.fromkeys(key.strip() for key in wanted.api_key_pool)
        row.api_key_pool = [encrypt(key) for key in keys if key]
    if wanted.extra_headers is not None:
        row.extra_headers = _sealed_headers(wanted.extra_headers, row.extra_headers)
    _set_timeouts(row, wanted)
    bump(TOPIC)
    session.flush()
    return row


def get(org_id: str, model_id: str) -> ModelConfiguration:
    """Raises NotFound."""
    configuration = registrations.get(org_id, model_id).configuration
    if configuration is None:
        raise NotFound("this model has no configuration")
    return configuration


def of_models(org_id: str, model_ids: Sequence[str]) -> list[ModelConfiguration]:
    """The configurations of those of ``model_ids`` that have one."""
    wanted = (
        select(ModelConfiguration)
        .join(Model, Model.id == ModelConfiguration.model_id)
        .where(Model.org_id == org_id, Model.id.in_(model_ids))
        .order_by(ModelConfiguration.id)
    )
    return list(session.scalars(wanted))


def base_url_of(found: Registered) -> str:
    """The address in use: the configured one, else the provider's."""
    configured = found.configuration
    return configured.base_url if configured else found.definition.profile.base_url


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _check_secrets_anew(row: ModelConfiguration, wanted: Configuration) -> None:
    """Secrets were entered for one address: they do not go to another unless entered again."""
    complaints = {}
    if row.api_key and not wanted.api_key.strip():
        complaints["apiKey"] = ["enter it again: the address has changed"]
    if row.api_secret and not wanted.api_secret.strip():
        complaints["apiSecret"] = ["enter it again: the address has changed"]
    if row.api_key_pool and wanted.api_key_pool is None:
        complaints["apiKeyPool"] = ["enter it again: the address has changed"]
    if complaints:
        raise BadRequest("validation failed", fields=complaints)


def _new(model: Model) -> ModelConfiguration:
    row = ModelConfiguration(api_key_pool=[], extra_headers={})
    model.configuration = row
    return row


def _set_timeouts(row: ModelConfiguration, wanted: Configuration) -> None:
    row.connect_timeout_secs = _or(wanted.connect_timeout_secs, DEFAULTS.connect)
    row.first_byte_timeout_secs = _or(wanted.first_byte_timeout_secs, DEFAULTS.first_byte)
    row.idle_timeout_secs = _or(wanted.idle_timeout_secs, DEFAULTS.idle)
    row.timeout_secs = _or(wanted.timeout_secs, DEFAULTS.total)


def _or(seconds: float, default: float) -> float:
    return seconds if seconds > 0 else default


def _sealed_headers(wanted: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    sealed = {}
    for name, value in wanted.items():
        if value != REDACTED:
            sealed[name.lower()] = encrypt(value.strip())
        elif name.lower() in stored:
            sealed[name.lower()] = stored[name.lower()]
    return sealed


def _check(wanted: Configuration, url_complaint: str) -> None:
    """Raises BadRequest with the API's names of the wrong fields."""
    pool = wanted.api_key_pool or ()
    complaints = {
        "baseUrl": url_complaint,
        "apiKey": _secret_complaint(wanted.api_key),
        "apiSecret": _secret_complaint(wanted.api_secret),
        "apiKeyPool": next(filter(None, map(_secret_complaint, pool)), "")
        or (f"must have at most {MAX_POOL} keys" if len(pool) > MAX_POOL else ""),
        "extraHeaders": _headers_complaint(wanted.extra_headers or {}),
    }
    wrong = {name: [complaint] for name, complaint in complaints.items() if complaint}
    if wrong:
        raise BadRequest("validation failed", fields=wrong)


def _url_complaint(base_url: str, rules: AddressRules) -> str:
    if not base_url:
        return "this field is required"
    try:
        rules.check_base_url(base_url)
    except BadRequest as error:
        return error.message
    return ""


def _dummy_complaint(base_url: str) -> str:
    if not base_url.startswith(DUMMY_SCHEME):
        return f"must start with {DUMMY_SCHEME}"
    try:
        script_of(base_url, "")
    except ValueError as error:
        return str(error)
    return ""


def _secret_complaint(secret: str) -> str:
    if len(secret) > MAX_SECRET:
        return f"must be at most {MAX_SECRET} characters"
    if not _PRINTABLE.fullmatch(secret.strip()):
        return "must have printable ASCII characters only"
    return ""


def _headers_complaint(headers: Mapping[str, str]) -> str:
    if len(headers) > MAX_HEADERS:
        return f"must have at most {MAX_HEADERS} headers"
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            return f"{name[:50]!r} is not the name of a header"
        if name.lower() in FORBIDDEN_HEADERS:
            return f"{name} is written by the gateway and cannot be set here"
        if len(value) > MAX_SECRET or not _PRINTABLE.fullmatch(value):
            return f"the value of {name} must be printable ASCII text"
    return ""
