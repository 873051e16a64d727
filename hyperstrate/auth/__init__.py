"""Organizations, people, teams and API keys: who may come in."""

from __future__ import annotations

from flask import Flask

from hyperstrate.auth import api, keys, pages
from hyperstrate.auth.identity import Identity
from hyperstrate.auth.pages import browser
from hyperstrate.auth.ports import Ports
from hyperstrate.auth.runtime import Runtime, use
from hyperstrate.auth.throttle import Throttle
from hyperstrate.auth.tokens import Tokens
from hyperstrate.config import Config
from hyperstrate.events import RequestsRecorded, RouterDeleted, requests_recorded, router_deleted
from hyperstrate.shared import web
from hyperstrate.shared.db import unit_of_work

__all__ = ["Ports", "register"]


def register(app: Flask, api_document: web.Api, ports: Ports) -> None:
    """Bring sign-in, keys and teams into ``app``, and answer its guards."""
    config: Config = app.extensions["hyperstrate"]
    use(Runtime(config, ports.routers, Throttle(ports.store), Tokens(config.jwt_secret)))
    browser.init(app)
    app.extensions["identity"] = Identity(browser.caller_of_cookie)
    for blueprint in api.BLUEPRINTS:
        app.extensions["csrf"].exempt(blueprint)
        api_document.register_blueprint(blueprint)
    for blueprint in pages.BLUEPRINTS:
        app.register_blueprint(blueprint)
    web.add_nav("API keys", "key_pages.show", "key-round", 40)
    requests_recorded.connect(_mark_keys_used)
    router_deleted.connect(_forget_router)


def _forget_router(event: RouterDeleted) -> None:
    with unit_of_work():
        keys.forget_router(event.org_id, event.router_id)


def _mark_keys_used(event: RequestsRecorded) -> None:
    with unit_of_work():
        keys.mark_used(event.keys_used)
