"""Pages for the first run, sign-in, the own account and who has access."""

from hyperstrate.auth.pages.account import pages as account
from hyperstrate.auth.pages.books import pages as books
from hyperstrate.auth.pages.budgets import pages as budgets
from hyperstrate.auth.pages.invitation import pages as invitation
from hyperstrate.auth.pages.keys import pages as keys
from hyperstrate.auth.pages.limits import pages as limits
from hyperstrate.auth.pages.organization import pages as organization
from hyperstrate.auth.pages.sign_in import pages as sign_in
from hyperstrate.auth.pages.sso import flow as sso_flow
from hyperstrate.auth.pages.sso import pages as sso
from hyperstrate.auth.pages.teams import pages as teams
from hyperstrate.auth.pages.users import pages as users
from hyperstrate.auth.pages.virtual_keys import pages as virtual_keys

BLUEPRINTS = (
    sign_in,
    invitation,
    account,
    keys,
    virtual_keys,
    teams,
    users,
    limits,
    books,
    budgets,
    organization,
    sso,
    sso_flow,
)
