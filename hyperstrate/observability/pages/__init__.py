"""Pages: Home, the log of finished requests, the audit, and the settings."""

from __future__ import annotations

from hyperstrate.observability.pages import audit, home, logs, settings

BLUEPRINTS = (audit.pages, home.pages, logs.pages, settings.pages)
