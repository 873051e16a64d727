"""Budgets: make, change, find; which of them a request falls under; what is used of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy import delete as sql_delete

from hyperstrate.auth import scoped
from hyperstrate.auth.books import amounts, ledger
from hyperstrate.auth.models import Budget, BudgetUsage
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


def of_router(org_id: str, router_id: str) -> list[Budget]:
    """Those in force that concern a router, and not only who calls it."""
    is_whole = and_(Budget.scope == "organization", Budget.scope_id == org_id)
    is_own = and_(Budget.scope == "router", Budget.scope_id == router_id)
    return _in_force(org_id, or_(is_whole, is_own, Budget.router_id == router_id))


def half_used(org_id: str) -> list[Budget]:
    """Those in force of which the ledger has half in some window, and all that roll.

    It spares asking the counters for the many that nobody is near to using up.
    """
    is_half = (BudgetUsage.budget_id == Budget.id, BudgetUsage.used * 2 >= Budget.amount)
    return _in_force(org_id, or_(Budget.period == "rolling", exists().where(*is_half)))


def _in_force(org_id: str, which: ColumnElement[bool]) -> list[Budget]:
    wanted = select(Budget).where(Budget.org_id == org_id, Budget.is_enabled, which)
    return list(session.scalars(wanted.order_by(Budget.scope, Budget.id)))


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
        owner = f"share of a {what} in a router" if budget.router_id else f"ceiling of a {what}"
        raise Conflict(f"this is the {owner}: change it there")


def set_cap(
    org_id: str,
    scope: ScopeKind,
    scope_id: str,
    unit: Unit,
    *,
    amount: Decimal,
    period: str,
    router_id: str = "",
) -> None:
    """The ceiling of a team or virtual key as a budget of its own; zero takes it away.

    With ``router_id`` it is a team's share of that router.
    """
    cap = session.scalar(
        select(Budget).where(
            Budget.org_id == org_id,
            Budget.scope == scope,
            Budget.scope_id == scope_id,
            Budget.router_id == router_id,
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
        own = {"unit": unit, "is_cap": True, "router_id": router_id}
        create(org_id, scope, scope_id, {**wanted, **own})
    elif {"amount": amounts.for_people(unit, cap.amount), "period": cap.period} != wanted:
        _change(cap, wanted)


def forget_scope(org_id: str, scope: ScopeKind, scope_id: str) -> None:
    """A team, key or router is gone, and its budgets with it; of a router, also its shares."""
    own = (Budget.scope == scope) & (Budget.scope_id == scope_id)
    if scope == "router":
        own |= Budget.router_id == scope_id
    session.execute(sql_delete(Budget).where(Budget.org_id == org_id, own))
    bump("budgets")
