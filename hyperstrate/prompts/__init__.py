"""Prompts: texts with {{variables}}, every version kept."""

from __future__ import annotations

from flask import Flask

from hyperstrate.prompts.api import blueprint
from hyperstrate.shared.web import Api


def register(app: Flask, api: Api) -> None:
    """Bring the prompts' routes into the application."""
    app.extensions["csrf"].exempt(blueprint)
    api.register_blueprint(blueprint)
