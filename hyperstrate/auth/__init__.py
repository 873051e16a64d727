"""Organizations, people, teams and API keys: who may come in."""

from __future__ import annotations

from flask import Flask

from hyperstrate.auth import api, limits, pages
from hyperstrate.auth.books import alerts, budgets
from hyperstrate.auth.identity import Identity
from hyperstrate.auth.keys import api_keys, key_secrets
from hyperstrate.auth.limiter import Limiter
from hyperstrate.auth.pages import browser
from hyperstrate.auth.people.throttle import Throttle
from hyperstrate.auth.people.tokens import Tokens
from hyperstrate.auth.ports import Ports
from hyperstrate.auth.runtime import Runtime, use
from hyperstrate.auth.sso.web import Web
from hyperstrate.config import Config
from hyperstrate.events import (
    RequestsRecorded,
    RouterDeleted,
    budget_crossed,
    requests_recorded,
    router_deleted,
)
from hyperstrate.shared import web
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.navigation import HOME, add_nav

__all__ = ["Limiter", "Ports", "listen", "register"]
#: Pages of the section Access, besides its first.
ACCESS = tuple(
    f"{HOME}/{name}"
    for name in ("virtual-keys", "teams", "users", "sso", "limits", "budgets", "organization")
)


def register(app: Flask, api_document: web.Api, ports: Ports) -> None:
    """Bring sign-in, keys and teams into ``app``, and answer its guards."""
    config: Config = app.extensions["hyperstrate"]
    use(
        Runtime(
            config,
            ports.routers,
            Throttle(ports.store),
            Tokens(config.jwt_secret),
            ports.store,
            ports.rules,
            Web(ports.rules),
            ports.spending,
            ports.logs,
            ports.models,
        )
    )
    browser.init(app)
    app.extensions["identity"] = Identity(browser.caller_of_cookie)
    for blueprint in api.BLUEPRINTS:
        app.extensions["csrf"].exempt(blueprint)
        api_document.register_blueprint(blueprint)
    for blueprint in pages.BLUEPRINTS:
        app.register_blueprint(blueprint)
    add_nav("Access", "key_pages.show", "key-round", 40, also=ACCESS)
    router_deleted.connect(_forget_router)
    listen()


def listen() -> None:
    """Hear what the recorder has to tell; all that its process needs."""
    requests_recorded.connect(_mark_keys_used)
    budget_crossed.connect(alerts.tell)


def _forget_router(event: RouterDeleted) -> None:
    with unit_of_work():
        api_keys.forget_router(event.org_id, event.router_id)
        limits.clear(event.org_id, "router", event.router_id)
        budgets.forget_scope(event.org_id, "router", event.router_id)


def _mark_keys_used(event: RequestsRecorded) -> None:
    with unit_of_work():
        key_secrets.mark_used(event.keys_used)
