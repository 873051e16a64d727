"""What teams and virtual keys may use, as budgets; and the end of what was limited and is gone."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from sqlalchemy import delete as sql_delete
from sqlalchemy import select

from hyperstrate.auth.books import budgets
from hyperstrate.auth.models import APIKey, Budget, Limit, Team, VirtualKey
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session

_TABLES: tuple[type[Team | APIKey | VirtualKey], ...] = (Team, APIKey, VirtualKey)


def keep(
    org_id: str,
    scope: Literal["team", "virtual_key"],
    scope_id: str,
    *,
    requests: int,
    cost_usd: float,
    period: str = "",
) -> None:
    """Let budgets say what the columns of a team or virtual key say; zero is no ceiling."""
    amounts = {"requests": Decimal(requests), "usd": Decimal(repr(cost_usd))}
    for unit in ("requests", "usd"):
        budgets.set_cap(
            org_id, scope, scope_id, unit, amount=amounts[unit], period=period or "total"
        )


def forget_gone(org_id: str) -> None:
    """Teams or keys were deleted, some with others: their limits and budgets go too."""
    for table in _TABLES:
        alive = select(table.id).where(table.org_id == org_id)
        for own in (Limit, Budget):
            session.execute(
                sql_delete(own)
                .where(
                    own.org_id == org_id,
                    own.scope == table.__audit__,
                    own.scope_id.not_in(alive),
                )
                .execution_options(synchronize_session=False)
            )
    bump("limits")
    bump("budgets")
