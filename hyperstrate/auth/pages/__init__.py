"""Pages for the first run, sign-in and API keys."""

from hyperstrate.auth.pages.keys import pages as keys
from hyperstrate.auth.pages.sign_in import pages as sign_in

BLUEPRINTS = (sign_in, keys)
