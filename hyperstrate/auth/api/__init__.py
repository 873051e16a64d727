"""REST for sign-in, keys, teams and people, at the original's paths."""

from hyperstrate.auth.api.directory import blueprint as directory
from hyperstrate.auth.api.keys import blueprint as keys
from hyperstrate.auth.api.sessions import blueprint as sessions

BLUEPRINTS = (sessions, keys, directory)
