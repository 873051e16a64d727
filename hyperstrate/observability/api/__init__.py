"""REST for logs, their figures, and the state of this installation."""

from __future__ import annotations

from hyperstrate.observability.api import analytics, audit, logs, platform, system, webhooks

BLUEPRINTS = (
    analytics.blueprint,
    audit.blueprint,
    logs.blueprint,
    platform.blueprint,
    system.blueprint,
    *webhooks.BLUEPRINTS,
)
