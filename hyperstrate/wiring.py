"""The one file that knows all modules: builds each module's Ports from the others' services."""

from __future__ import annotations

from flask import Flask

from hyperstrate.config import Config
from hyperstrate.shared.web import Api


def register(app: Flask, api: Api, config: Config) -> None:
    """Bring the modules into ``app``, each with what it needs of the others."""
