"""Prompts: texts with {{variables}}, every version kept."""

from __future__ import annotations

from flask import Flask

from hyperstrate.prompts import library
from hyperstrate.prompts.api import blueprint
from hyperstrate.prompts.ports import Ports
from hyperstrate.shared.web import Api

__all__ = ["Ports", "register"]


def register(app: Flask, api: Api, ports: Ports) -> None:
    """Bring the prompts' routes into the application."""
    library.use(ports)
    app.extensions["csrf"].exempt(blueprint)
    api.register_blueprint(blueprint)
