"""Pages: Home, and the log of finished requests."""

from __future__ import annotations

from hyperstrate.observability.pages import home, logs

BLUEPRINTS = (home.pages, logs.pages)
