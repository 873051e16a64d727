"""Who hears that a budget is used up to one of its marks: the audit log, and a router's webhook."""

from __future__ import annotations

from decimal import Decimal

from hyperstrate.events import BudgetCrossed
from hyperstrate.shared import audit, webhook
from hyperstrate.shared.db import now, unit_of_work
from hyperstrate.shared.formats import money, number

ALL = 100


def tell(event: BudgetCrossed) -> None:
    """Keep it in the audit log, and tell the webhook of the router that the budget is of."""
    word = "exceeded" if event.percent >= ALL else "threshold"
    with unit_of_work():
        audit.log(
            f"budget.{word}",
            org_id=event.org_id,
            object_type="budget",
            object_id=event.budget_id,
            actor=audit.Actor("system"),
            detail={
                "percent": event.percent,
                "used": _amount(event, event.used),
                "amount": _amount(event, event.amount),
                "scope": event.scope,
                "scope_id": event.scope_id,
            },
        )
        if event.scope == "router":
            webhook.send(_occurrence(event))


def _occurrence(event: BudgetCrossed) -> webhook.Occurrence:
    """Once for every window and mark."""
    used, amount = _amount(event, event.used), _amount(event, event.amount)
    return webhook.Occurrence(
        org_id=event.org_id,
        router_id=event.scope_id,
        event="budget_exceeded" if event.percent >= ALL else "budget_threshold",
        at=now(),
        detail=f"{event.percent}% of a budget is used: {used} of {amount}",
        budget_used_percent=_percent(event),
        key=f"{event.window}:{event.percent}",
    )


def _percent(event: BudgetCrossed) -> float:
    return round(float(event.used / event.amount * 100), 2)


def _amount(event: BudgetCrossed, amount: Decimal) -> str:
    return money(amount) if event.unit == "usd" else f"{number(amount)} {event.unit}"
