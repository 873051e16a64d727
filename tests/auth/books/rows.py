"""Budgets and entries of the ledger, as tests write them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hyperstrate.auth.books import budgets, ledger
from hyperstrate.auth.books.ledger import Grown, Row
from hyperstrate.auth.models import Budget
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.scopes import SCOPE_KINDS


def budget(org_id: str, scope: str = "organization", scope_id: str = "", **values: Any) -> Budget:
    """One of a hundred dollars for ever, of the organization, if nothing else is said."""
    given = {"unit": "usd", "amount": Decimal(100), "period": "total", "alert_percents": []}
    values = {**given, **values}
    values["amount"] = Decimal(str(values["amount"]))
    with unit_of_work():
        return budgets.create(org_id, scope, scope_id or org_id, values)


def entry(org_id: str, cost_usd: str = "1", *, at: float | None = None, **values: Any) -> Row:
    """A call that was answered."""
    scopes = {f"{kind}_id": "" for kind in SCOPE_KINDS if kind != "organization"}
    return {
        "id": new_id("att"),
        "request_id": new_id("ilog"),
        "at": datetime.fromtimestamp(time.time() if at is None else at, UTC),
        "org_id": org_id,
        **scopes,
        "user_id": "",
        "model_id": "",
        "provider": "",
        "kind": "answer",
        "is_overflow": False,
        "requests": 1,
        "tokens": 10,
        "cost_usd": Decimal(cost_usd),
        "reserved_usd": Decimal(0),
        "price_version": "1",
        "is_estimated": False,
        **values,
    }


def write(*rows: Row) -> list[Grown]:
    """Enter these calls."""
    with unit_of_work():
        return ledger.write(rows)


def summed(one: Budget, at: float | None = None) -> int:
    """What the sums say of a budget's window."""
    name = ledger.window_name(one, time.time() if at is None else at)
    return ledger.sums([name]).by_window[name]
