"""REST for sign-in, keys, teams and people, at the original's paths."""

from hyperstrate.auth.api.books import blueprint as books
from hyperstrate.auth.api.budgets import blueprint as budgets
from hyperstrate.auth.api.invitations import blueprint as invitations
from hyperstrate.auth.api.keys import blueprint as keys
from hyperstrate.auth.api.limits import blueprint as limits
from hyperstrate.auth.api.organizations import blueprint as organizations
from hyperstrate.auth.api.sessions import blueprint as sessions
from hyperstrate.auth.api.sso import blueprint as sso
from hyperstrate.auth.api.teams import blueprint as teams
from hyperstrate.auth.api.users import blueprint as users
from hyperstrate.auth.api.virtual_keys import blueprint as virtual_keys

BLUEPRINTS = (
    sessions,
    keys,
    virtual_keys,
    organizations,
    users,
    invitations,
    teams,
    limits,
    budgets,
    books,
    sso,
)
