"""Pages: Home, the log of finished requests, and the audit."""

from __future__ import annotations

from hyperstrate.observability.pages import audit, home, logs

BLUEPRINTS = (audit.pages, home.pages, logs.pages)
