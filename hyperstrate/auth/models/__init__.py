"""Tables of the auth module."""

from __future__ import annotations

from hyperstrate.auth.models.books import (
    Budget,
    BudgetUsage,
    LedgerEntry,
    LedgerSequence,
    Limit,
)
from hyperstrate.auth.models.keys import APIKey, Rules, Secret, VirtualKey
from hyperstrate.auth.models.people import (
    Invitation,
    Membership,
    Organization,
    Session,
    Team,
    User,
    UserTeam,
)
from hyperstrate.auth.models.sso import Identity, OIDCGroupMapping, SsoProvider

__all__ = [
    "APIKey",
    "Budget",
    "BudgetUsage",
    "Identity",
    "Invitation",
    "LedgerEntry",
    "LedgerSequence",
    "Limit",
    "Membership",
    "OIDCGroupMapping",
    "Organization",
    "Rules",
    "Secret",
    "Session",
    "SsoProvider",
    "Team",
    "User",
    "UserTeam",
    "VirtualKey",
]
