"""Identity providers: of the installation, of one organization, and the one of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, exists, or_, select

from hyperstrate.auth.models import Organization, Session, SsoProvider, User
from hyperstrate.auth.people import sessions
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.sso.github import GITHUB, SCOPES
from hyperstrate.auth.sso.oidc import DISCOVERY, GOOGLE, Kind, Metadata, Provider, discovered
from hyperstrate.shared import audit, crypto
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import BadRequest, Conflict, NotFound

ENVIRONMENT = "environment"
EXCHANGE = "oidc-exchange"
#: Before the provider's id: how a session began.
METHOD = "sso:"
PRESETS: Mapping[str, Mapping[str, str]] = {
    "oidc": {"issuer": "", "scopes": "openid email profile", "groups_claim": "groups"},
    "google": {"issuer": GOOGLE, "scopes": "openid email profile", "groups_claim": ""},
    "github": {"issuer": GITHUB, "scopes": SCOPES, "groups_claim": "groups"},
}
CHANGES_WHERE_THE_SECRET_GOES = ("kind", "issuer", "client_id")


@dataclass(frozen=True, slots=True)
class Button:
    """A way to sign in, as strangers see it. ``id`` is empty for one that we do not drive."""

    id: str
    type: str
    name: str


def find(org_id: str, *, is_platform_admin: bool = False) -> list[SsoProvider]:
    """The organization's providers by name; a platform admin sees the installation's as well."""
    order = (SsoProvider.org_id.is_not(None), SsoProvider.name, SsoProvider.id)
    own = _seen_by(org_id, is_platform_admin=is_platform_admin)
    return list(session.scalars(select(SsoProvider).where(own).order_by(*order)))


def get(org_id: str, provider_id: str, *, is_platform_admin: bool = False) -> SsoProvider:
    """One provider. Raises NotFound."""
    own = _seen_by(org_id, is_platform_admin=is_platform_admin)
    row = session.scalar(select(SsoProvider).where(own, SsoProvider.id == provider_id))
    if row is None:
        raise NotFound("identity provider not found")
    return row


def add(org_id: str, values: Mapping[str, Any], *, is_of_installation: bool = False) -> SsoProvider:
    """A new provider of the organization, or of the installation. Raises BadRequest."""
    row = SsoProvider(org_id=None if is_of_installation else org_id)
    kind = values["kind"]
    _write(row, {**PRESETS[kind], **_with_presets(values, kind)})
    session.add(row)
    session.flush()
    return row


def change(
    org_id: str,
    provider_id: str,
    changes: Mapping[str, Any],
    *,
    is_platform_admin: bool = False,
) -> SsoProvider:
    """Change the columns named in ``changes``. Raises NotFound and BadRequest."""
    row = get(org_id, provider_id, is_platform_admin=is_platform_admin)
    changes = _with_presets(changes, changes.get("kind", row.kind))
    moved = [name for name in CHANGES_WHERE_THE_SECRET_GOES if _differs(row, changes, name)]
    if moved and row.client_secret and not changes.get("client_secret"):
        complaint = "give it again: a stored secret is not sent to another place"
        raise BadRequest("validation failed", fields={"clientSecret": [complaint]})
    if changes.get("is_enabled") is False:
        _check_not_needed(row)
    _write(row, changes)
    session.flush()
    return row


def delete(org_id: str, provider_id: str, *, is_platform_admin: bool = False) -> None:
    """Delete a provider. Who came by it keeps their account. Raises NotFound and Conflict."""
    row = get(org_id, provider_id, is_platform_admin=is_platform_admin)
    _check_not_needed(row)
    session.delete(row)
    session.flush()


def probe(org_id: str, provider_id: str, *, is_platform_admin: bool = False) -> Metadata | None:
    """What the provider says of itself, asked now; GitHub says nothing. Raises ProviderFailed."""
    found = _value(get(org_id, provider_id, is_platform_admin=is_platform_admin))
    if found.kind == "github":
        return None
    web = runtime().web
    web.forget(found.issuer.rstrip("/") + DISCOVERY)
    metadata = discovered(web, found.issuer)
    web.document(metadata.jwks_uri, is_fresh=True)
    return metadata


def usable(provider_id: str) -> Provider:
    """A provider that is enabled, of whatever organization. Raises NotFound."""
    if provider_id == ENVIRONMENT and (own := of_environment()):
        return own
    row = session.scalar(_enabled().where(SsoProvider.id == provider_id))
    if row is None:
        raise NotFound("this way to sign in does not exist, or is switched off")
    return _value(row)


def of_environment() -> Provider | None:
    """The provider that OIDC_DISCOVERY_URL and its companions name."""
    config = runtime().config
    if not config.oidc_discovery_url:
        return None
    return Provider(
        id=ENVIRONMENT,
        org_id=None,
        kind="oidc",
        name="Single sign-on",
        issuer=config.oidc_discovery_url.removesuffix(DISCOVERY),
        client_id=config.oidc_client_id,
        client_secret=config.oidc_client_secret,
    )


def buttons() -> list[Button]:
    """The ways to sign in that we offer; the installation's first."""
    rows = session.scalars(
        _enabled().order_by(SsoProvider.org_id.is_not(None), SsoProvider.name, SsoProvider.id)
    )
    own = of_environment()
    first = [Button(own.id, own.kind, own.name)] if own else []
    return [*first, *(Button(row.id, row.kind, row.name) for row in rows)]


def public_list() -> list[Button]:
    """What strangers are told: our buttons, and those that OIDC_PROVIDERS names for a frontend."""
    named = (Button("", word, word.title()) for word in runtime().config.oidc_providers)
    return [*buttons(), *named]


def require(org_id: str, *, is_required: bool) -> None:
    """Let nobody of the organization sign in with a password, or everybody again.

    Sessions that began with one end. Raises Conflict where no provider could let people in.
    """
    if is_required and not _serves(org_id):
        raise Conflict("add a provider that is enabled first; nobody could sign in otherwise")
    organization = session.get_one(Organization, org_id)
    organization.requires_sso = is_required
    session.flush()
    bump("users")
    if is_required:
        ended = sessions.end_of_organization(org_id, *_shut_out())
        detail = {"ended_sessions": ended}
        audit.log(
            "require_sso",
            org_id=org_id,
            object_type="organization",
            object_id=org_id,
            detail=detail,
        )


def password_sessions(org_id: str) -> list[str]:
    """The ids of the sessions that end when single sign-on is required."""
    return sessions.ids_of_organization(org_id, *_shut_out())


def is_required(org_id: str) -> bool:
    """Whether people of the organization may not sign in with a password."""
    organization = session.get(Organization, org_id)
    return bool(organization and organization.requires_sso)


def refusal(method: str, user: User, organization: Organization) -> str:
    """Why a session that began by ``method`` does not open the organization; empty: it does.

    A password, where single sign-on is wanted of all but platform admins; and the provider of
    another organization, which speaks for nobody here.
    """
    provider_id = method.removeprefix(METHOD)
    if provider_id == method:
        is_shut = organization.requires_sso and not user.is_platform_admin
        return "this organization wants single sign-on; use its button" if is_shut else ""
    if provider_id in (ENVIRONMENT, EXCHANGE):
        return ""
    row = session.get(SsoProvider, provider_id)
    if row is not None and row.org_id in (None, organization.id):
        return ""
    return "you signed in by a provider that cannot open this organization; sign in another way"


def _shut_out() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The sessions that :func:`refusal` does not let begin where single sign-on is required."""
    exempt = select(User.id).where(User.is_platform_admin)
    return ~Session.method.startswith(METHOD), Session.user_id.not_in(exempt)


def _enabled() -> Any:
    is_open = or_(SsoProvider.org_id.is_(None), Organization.is_enabled)
    join = select(SsoProvider).outerjoin(Organization, Organization.id == SsoProvider.org_id)
    return join.where(SsoProvider.is_enabled, is_open)


def _seen_by(org_id: str, *, is_platform_admin: bool) -> ColumnElement[bool]:
    own = SsoProvider.org_id == org_id
    return or_(own, SsoProvider.org_id.is_(None)) if is_platform_admin else own


def _serves(org_id: str, *, but: str = "") -> bool:
    """Some enabled provider, other than ``but``, lets people into the organization."""
    own = or_(SsoProvider.org_id == org_id, SsoProvider.org_id.is_(None))
    wanted = exists().where(and_(own, SsoProvider.is_enabled, SsoProvider.id != but))
    return of_environment() is not None or bool(session.scalar(select(wanted)))


def _check_not_needed(row: SsoProvider) -> None:
    """Raises Conflict if an organization that wants single sign-on would be locked out."""
    requiring = select(Organization.id).where(Organization.requires_sso)
    if row.org_id:
        requiring = requiring.where(Organization.id == row.org_id)
    if any(not _serves(org_id, but=row.id) for org_id in session.scalars(requiring).all()):
        raise Conflict("an organization that wants single sign-on has no other provider")


def _with_presets(values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """With what the kind says where issuer and scopes were left empty."""
    empty = [name for name in ("issuer", "scopes") if name in values and not values[name]]
    return {**values, **{name: PRESETS[kind][name] for name in empty}}


def _differs(row: SsoProvider, changes: Mapping[str, Any], name: str) -> bool:
    return name in changes and changes[name] != getattr(row, name)


def _write(row: SsoProvider, values: Mapping[str, Any]) -> None:
    for column, value in values.items():
        if column == "client_secret":
            row.client_secret = crypto.encrypt(value) if value else row.client_secret or ""
        elif column == "domains":
            row.domains = sorted({word.strip().lower().lstrip("@") for word in value})
        elif column == "issuer":
            row.issuer = value.strip().removesuffix(DISCOVERY).rstrip("/")
        else:
            setattr(row, column, value)
    _check(row)


def _check(row: SsoProvider) -> None:
    runtime().rules.check_base_url(row.issuer, name="issuer", field="issuer")
    is_open_text = row.issuer.startswith("http://")
    if is_open_text and runtime().config.is_production:
        raise BadRequest("validation failed", fields={"issuer": ["must start with https://"]})
    if row.kind == "google" and row.issuer != GOOGLE:
        raise BadRequest("validation failed", fields={"issuer": [f"is {GOOGLE} for Google"]})
    if row.kind != "github" and "openid" not in row.scopes.split():
        raise BadRequest("validation failed", fields={"scopes": ["must have openid among them"]})


def _value(row: SsoProvider) -> Provider:
    return Provider(
        id=row.id,
        org_id=row.org_id,
        kind=cast(Kind, row.kind),
        name=row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        client_secret=crypto.decrypt(row.client_secret) if row.client_secret else "",
        scopes=row.scopes,
        groups_claim=row.groups_claim,
        domains=tuple(row.domains),
        default_role=row.default_role,
    )
