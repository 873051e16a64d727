"""How budgets count: whole numbers, of money in its smallest units."""

from __future__ import annotations

from decimal import Decimal

from hyperstrate.auth.models import Budget
from hyperstrate.shared.db import now
from hyperstrate.shared.money import from_units, to_units


def counted(unit: str, amount: Decimal) -> int:
    """An amount as budgets keep it."""
    return to_units(amount) if unit == "usd" else int(amount)


def for_people(unit: str, amount: int) -> Decimal:
    """A counted amount in dollars, requests or tokens."""
    return from_units(amount) if unit == "usd" else Decimal(amount)


def in_force(budget: Budget) -> int:
    """The amount, with a raise while that lasts."""
    is_raised = budget.raised_until is not None and now() < budget.raised_until
    return budget.amount + (budget.raised_by if is_raised else 0)
