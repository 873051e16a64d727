"""The pages of routers: the list, and one router's design, test and settings."""

from hyperstrate.router.pages.design import pages as design
from hyperstrate.router.pages.routers import pages as routers
from hyperstrate.router.pages.settings import pages as settings
from hyperstrate.router.pages.stages import pages as stages
from hyperstrate.router.pages.targets import pages as targets
from hyperstrate.router.pages.trial import pages as trial
from hyperstrate.router.pages.webhook import pages as webhook

BLUEPRINTS = (routers, design, stages, targets, trial, settings, webhook)
