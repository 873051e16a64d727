"""Models and calls to them: the catalog, registrations with their keys, inference."""

from __future__ import annotations

from flask import Flask

from hyperstrate.ai.api import blp
from hyperstrate.ai.inference import Inference
from hyperstrate.ai.pages import pages
from hyperstrate.ai.ports import Ports
from hyperstrate.ai.providers import place_ollama
from hyperstrate.config import Config
from hyperstrate.shared.navigation import add_nav
from hyperstrate.shared.web import Api

__all__ = ["Inference", "Ports", "register"]


def register(app: Flask, api: Api, ports: Ports) -> None:
    """Bring the module's API and pages into ``app``."""
    config: Config = app.extensions["hyperstrate"]
    place_ollama(config.ollama_base_url)
    app.extensions["ai"] = ports
    app.extensions["csrf"].exempt(blp)
    api.register_blueprint(blp)
    app.register_blueprint(pages)
    add_nav("Models", "ai_pages.list_models", "cpu", 30)
