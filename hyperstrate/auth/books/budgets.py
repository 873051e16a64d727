"""Budgets: make, change, find; which of them a request falls under; what is used of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from sqlalchemy import delete as sql_delete
from sqlalchemy import select

from hyperstrate.auth import scoped
from hyperstrate.auth.books import amounts, ledger
from hyperstrate.auth.models import Budget
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import Conflict, NotFound
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page, paginate
from hyperstrate.shared.scopes import ScopeKind

Unit: TypeAlias = Literal["usd", "requests", "tokens"]
UNITS: tuple[Unit, ...] = ("usd", "requests", "tokens")
_COUNTED_ANEW = {"period", "time_zone", "rolling_hours"}


def create(org_id: str, scope: str, scope_id: str, values: Mapping[str, Any]) -> Budget:
    """A new budget; what was spent in its present window counts from the start.

    ``amount`` is dollars, requests or tokens. Raises NotFound.
    """
    scoped.check(org_id, scope, scope_id)
    columns = {**values, "amount": amounts.counted(values["unit"], values["amount"])}
    budget = Budget(org_id=org_id, scope=scope, scope_id=scope_id, **columns)
    session.add(budget)
    session.flush()
    ledger.rebuild(budget)
    bump("budgets")
    return budget


def find(
    org_id: str,
    *,
    scope: str = "",
    scope_id: str = "",
    page: int = 1,
    per_page: int = DEFAULT_PER_PAGE,
) -> Page[Budget]:
    """The budgets of an organization, or of one of its scopes."""
    wanted = select(Budget).where(Budget.org_id == org_id).order_by(Budget.scope, Budget.id)
    if scope:
        wanted = wanted.where(Budget.scope == scope)
    if scope_id:
        wanted = wanted.where(Budget.scope_id == scope_id)
    return paginate(wanted, page=page, per_page=per_page)


def get(org_id: str, budget_id: str) -> Budget:
    """One budget. Raises NotFound."""
    budget = session.scalar(select(Budget).where(Budget.org_id == org_id, Budget.id == budget_id))
    if budget is None:
        raise NotFound("budget not found")
    return budget


def change(org_id: str, budget_id: str, changes: Mapping[str, Any]) -> Budget:
    """Change what is named in ``changes``; ``amount`` as in :func:`create`.

    Raises NotFound, and Conflict for a ceiling.
    """
    budget = get(org_id, budget_id)
    _refuse_cap(budget)
    return _change(budget, changes)


def _change(budget: Budget, changes: Mapping[str, Any]) -> Budget:
    columns = dict(changes)
    if "amount" in columns:
        columns["amount"] = amounts.counted(budget.unit, columns["amount"])
    for column, value in columns.items():
        setattr(budget, column, value)
    session.flush()
    if columns.keys() & _COUNTED_ANEW:
        ledger.rebuild(budget)
    bump("budgets")
    return budget


def raise_until(org_id: str, budget_id: str, amount: Decimal, until: datetime | None) -> Budget:
    """Let a budget be larger by ``amount`` for a while; zero ends that. Raises NotFound."""
    budget = get(org_id, budget_id)
    budget.raised_by = amounts.counted(budget.unit, amount)
    budget.raised_until = until if amount else None
    session.flush()
    bump("budgets")
    return budget


def delete(org_id: str, budget_id: str) -> None:
    """Delete a budget; what was spent stays in the ledger.

    Raises NotFound, and Conflict for a ceiling.
    """
    budget = get(org_id, budget_id)
    _refuse_cap(budget)
    _delete(budget)


def _delete(budget: Budget) -> None:
    session.delete(budget)
    session.flush()
    bump("budgets")


def _refuse_cap(budget: Budget) -> None:
    if budget.is_cap:
        what = budget.scope.replace("_", " ")
        raise Conflict(f"this is the ceiling of a {what}: change it there")


def set_cap(
    org_id: str, scope: ScopeKind, scope_id: str, unit: Unit, *, amount: Decimal, period: str
) -> None:
    """The ceiling of a team or virtual key as a budget of its own; zero takes it away."""
    cap = session.scalar(
        select(Budget).where(
            Budget.org_id == org_id,
            Budget.scope == scope,
            Budget.scope_id == scope_id,
            Budget.unit == unit,
            Budget.is_cap,
        )
    )
    if not amount:
        if cap is not None:
            _delete(cap)
        return
    wanted = {"amount": amount, "period": period or "total"}
    if cap is None:
        create(org_id, scope, scope_id, {**wanted, "unit": unit, "is_cap": True})
    elif {"amount": amounts.for_people(unit, cap.amount), "period": cap.period} != wanted:
        _change(cap, wanted)


def forget_scope(org_id: str, scope: ScopeKind, scope_id: str) -> None:
    """A team, key or router is gone, and its budgets with it."""
    own = (Budget.org_id == org_id, Budget.scope == scope, Budget.scope_id == scope_id)
    session.execute(sql_delete(Budget).where(*own))
    bump("budgets")
