"""What teams may spend on one router, as budgets that change with the router."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import select

from hyperstrate.auth import scoped
from hyperstrate.auth.books import budgets
from hyperstrate.auth.models import Budget
from hyperstrate.shared.db import session
from hyperstrate.shared.spending import Share

_NONE = Share(Decimal(0), "")


def keep(org_id: str, router_id: str, shares: Mapping[str, Share]) -> None:
    """These teams have these shares of the router, by team id, and no others do.

    A team that is gone has none. Raises NotFound.
    """
    own = (Budget.org_id == org_id, Budget.router_id == router_id)
    before = session.scalars(select(Budget.scope_id).where(*own)).all()
    if shares:
        scoped.check(org_id, "router", router_id)
    for team_id in {*before, *scoped.names(org_id, "team", shares)}:
        share = shares.get(team_id, _NONE)
        budgets.set_cap(
            org_id,
            "team",
            team_id,
            "usd",
            amount=share.max_cost_usd,
            period=share.period,
            router_id=router_id,
        )
