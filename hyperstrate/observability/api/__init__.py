"""REST for logs, their figures, and the state of this installation."""

from __future__ import annotations

from hyperstrate.observability.api.analytics import blueprint as analytics
from hyperstrate.observability.api.logs import blueprint as logs
from hyperstrate.observability.api.platform import blueprint as platform

BLUEPRINTS = (analytics, logs, platform)
