"""The webhook of a router: its address, and the secret that signs what is sent there."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import and_, func, select

from hyperstrate.router.models import Router, RouterConfiguration, RouterTarget
from hyperstrate.shared import crypto
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to send, and what to sign with."""

    url: str
    secret: str = field(repr=False)


def set_url(configuration: RouterConfiguration, url: str, rules: AddressRules) -> None:
    """Set the address, "" for none; the first one brings a secret. Raises BadRequest."""
    if url:
        rules.check_base_url(url, name="webhook", field="webhookUrl")
    configuration.webhook_url = url
    if url and not configuration.webhook_secret:
        configuration.webhook_secret = crypto.encrypt(_new_secret())


def webhook(org_id: str, router_id: str) -> Webhook:
    """Raises NotFound when the router has none, or is none of the organisation."""
    found = _configuration(org_id, router_id)
    return Webhook(found.webhook_url, crypto.decrypt(found.webhook_secret))


def rotate_secret(org_id: str, router_id: str) -> Webhook:
    """A new secret, which signs from now on, also what is sent again. Raises NotFound."""
    found = _configuration(org_id, router_id)
    secret = _new_secret()
    found.webhook_secret = crypto.encrypt(secret)
    session.flush()
    return Webhook(found.webhook_url, secret)


def listening(router_ids: Collection[str]) -> Mapping[str, int]:
    """Those of ``router_ids`` that have a webhook, each with the number of its enabled targets."""
    is_of_router = RouterTarget.router_id == RouterConfiguration.router_id
    query = (
        select(RouterConfiguration.router_id, func.count(RouterTarget.id).label("targets"))
        .outerjoin(RouterTarget, and_(is_of_router, RouterTarget.is_enabled))
        .where(RouterConfiguration.router_id.in_(router_ids), RouterConfiguration.webhook_url != "")
        .group_by(RouterConfiguration.router_id)
    )
    return {row.router_id: row.targets for row in session.execute(query)}


def _configuration(org_id: str, router_id: str) -> RouterConfiguration:
    query = select(RouterConfiguration).join(Router, Router.id == RouterConfiguration.router_id)
    found = session.scalar(query.where(Router.org_id == org_id, Router.id == router_id))
    if found is None:
        raise NotFound("router not found")
    if not found.webhook_url:
        raise NotFound("this router has no webhook")
    return found


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"
