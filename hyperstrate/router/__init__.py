"""Routers: the pipeline that every request takes, and the paths on which it comes."""

from __future__ import annotations

from flask import Flask

from hyperstrate.events import ModelDeleted, model_deleted
from hyperstrate.router import api, document, pages, routers, views
from hyperstrate.router.plan import Plans
from hyperstrate.router.ports import Ports
from hyperstrate.router.proxy import Limits, Proxy
from hyperstrate.router.wsgi import InferenceFirst
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.navigation import add_nav
from hyperstrate.shared.web import Api

__all__ = ["Ports", "register"]


def register(app: Flask, api_document: Api, ports: Ports, limits: Limits) -> None:
    """Bring the router's routes into ``app``, the inference paths in front of Flask."""
    routers.use(ports)
    proxy = Proxy(ports, Plans(ports), limits)
    skin = InferenceFirst(app.wsgi_app, proxy, max_body_bytes=limits.max_body_bytes)
    app.extensions["inference"] = skin
    app.extensions["proxy"] = proxy
    app.wsgi_app = skin  # type: ignore[method-assign]
    api_document.describe(document.add_components)
    for blueprint in (*api.BLUEPRINTS, views.blueprint):
        app.extensions["csrf"].exempt(blueprint)
        api_document.register_blueprint(blueprint)
    for blueprint in pages.BLUEPRINTS:
        app.register_blueprint(blueprint)
    add_nav("Routers", "router_pages.list_routers", "waypoints", 20)
    model_deleted.connect(_forget_model)


def _forget_model(_event: ModelDeleted) -> None:
    """The database has removed its targets: build the plans anew."""
    with unit_of_work():
        routers.changed()
