"""REST for logs, their figures, and the state of this installation."""

from __future__ import annotations

from hyperstrate.observability.api import analytics, logs, platform, webhooks

BLUEPRINTS = (analytics.blueprint, logs.blueprint, platform.blueprint, *webhooks.BLUEPRINTS)
