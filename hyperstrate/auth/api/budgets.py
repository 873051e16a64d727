"""REST for budgets."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.auth.books import budget_views, budgets
from hyperstrate.auth.schemas.budgets import (
    BudgetArgs,
    BudgetPage,
    BudgetSchema,
    ChangeBudget,
    CreateBudget,
    RaiseBudget,
    checked_change,
    checked_raise,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, require_admin

blueprint = Blueprint(
    "budgets", __name__, url_prefix="/auth/budgets", description="How much in a window of time"
)


@blueprint.get("")
@require_admin
@blueprint.arguments(BudgetArgs, location="query")
@blueprint.response(200, BudgetPage)
def find(args: dict[str, Any]) -> Any:
    """Budgets, with what is used and reserved of each now."""
    return budget_views.of_page(budgets.find(caller().org_id, **args))


@blueprint.post("")
@require_admin
@blueprint.arguments(CreateBudget)
@blueprint.response(201, BudgetSchema)
def create(body: dict[str, Any]) -> Any:
    """A budget for an organization, team, router, api_key or virtual_key.

    What was spent in its present window counts. Hard: a call that might not fit is refused with
    402. Else it only tells, as ``alertPercents`` say.
    """
    scope, scope_id = body.pop("scope"), body.pop("scope_id")
    with unit_of_work():
        made = budgets.create(caller().org_id, scope, scope_id, body)
    return budget_views.of(made)


@blueprint.get("/<budget_id>")
@require_admin
@blueprint.response(200, BudgetSchema)
def get(budget_id: str) -> Any:
    """One budget."""
    return budget_views.of(budgets.get(caller().org_id, budget_id))


@blueprint.patch("/<budget_id>")
@require_admin
@blueprint.arguments(ChangeBudget)
@blueprint.response(200, BudgetSchema)
def change(body: dict[str, Any], budget_id: str) -> Any:
    """Change a budget. Every process knows it within a second."""
    with unit_of_work():
        budget = budgets.get(caller().org_id, budget_id)
        changed = budgets.change(caller().org_id, budget_id, checked_change(budget, body))
    return budget_views.of(changed)


@blueprint.put("/<budget_id>/raise")
@require_admin
@blueprint.arguments(RaiseBudget)
@blueprint.response(200, BudgetSchema)
def raise_until(body: dict[str, Any], budget_id: str) -> Any:
    """Let a budget be larger for a while; it ends by itself. An amount of zero ends it now."""
    with unit_of_work():
        more = checked_raise(budgets.get(caller().org_id, budget_id), body)
        raised = budgets.raise_until(caller().org_id, budget_id, more["amount"], more["until"])
    return budget_views.of(raised)


@blueprint.delete("/<budget_id>")
@require_admin
@blueprint.response(204)
def delete(budget_id: str) -> None:
    """Delete a budget; what was spent stays in the ledger."""
    with unit_of_work():
        budgets.delete(caller().org_id, budget_id)
