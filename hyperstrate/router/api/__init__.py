"""REST for routers, at the original's paths."""

from hyperstrate.router.api.parts import blueprint as parts
from hyperstrate.router.api.routers import blueprint as routers
from hyperstrate.router.api.webhooks import blueprint as webhooks

BLUEPRINTS = (routers, parts, webhooks)
