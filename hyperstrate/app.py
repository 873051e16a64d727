"""The application factory: extensions, modules, error pages; nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from hyperstrate import cli, migrating, wiring
from hyperstrate.config import Config, from_environment
from hyperstrate.shared import db, logging, web
from hyperstrate.shared.cors import Cors

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ROOT = Path(__file__).resolve().parent.parent


def create_app(config: Config | None = None) -> Flask:
    """The whole application. Raises ConfigError when the environment is wrong."""
    config = config or from_environment()
    app = _with_database(config)
    app.extensions["csrf"] = CSRFProtect(app)
    web.init(app)
    wiring.register(app, web.Api(app), config)
    inner = believing(app.wsgi_app, config.trusted_proxies)
    app.wsgi_app = Cors(inner, config.frontend_url)  # type: ignore[method-assign]
    cli.register(app)
    migrating.register(app)
    return app


def create_recorder(config: Config | None = None) -> Flask:
    """As much of the application as ``flask recorder`` works with; it answers no request."""
    config = config or from_environment()
    app = _with_database(config)
    wiring.record(app, config)
    return app


def _with_database(config: Config) -> Flask:
    logging.configure(config.log_level, as_json=config.is_production)
    app = Flask(
        "hyperstrate", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static")
    )
    app.config.from_mapping(_settings(config))
    app.extensions["hyperstrate"] = config
    db.configure(app)
    return app


def believing(application: WSGIApplication, proxies: int) -> WSGIApplication:
    """``application``, told who calls by that many proxies in front of it, and by nobody else."""
    if not proxies:
        return application
    return ProxyFix(application, proxies, proxies, proxies, proxies)


def _settings(config: Config) -> dict[str, object]:
    return {
        "SECRET_KEY": config.jwt_secret,
        "SQLALCHEMY_DATABASE_URI": config.database_uri,
        "MAX_CONTENT_LENGTH": config.max_body_bytes,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": config.is_production,
        "SESSION_COOKIE_NAME": "hyperstrate",
        "WTF_CSRF_TIME_LIMIT": None,
        "API_TITLE": "Hyperstrate",
        "API_VERSION": "1",
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": "/swagger",
        "OPENAPI_JSON_PATH": "doc.json",
    }
