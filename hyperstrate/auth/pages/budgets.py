"""The pages of budgets: all of them, and one of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, Response, request, url_for

from hyperstrate.auth import scoped
from hyperstrate.auth.books import budget_views, budgets
from hyperstrate.auth.books.budget_views import BudgetView
from hyperstrate.auth.pages.limits import WORDS
from hyperstrate.auth.schemas.budget_forms import BudgetForm, NewBudgetForm
from hyperstrate.auth.schemas.budgets import RaiseBudget, checked_change, checked_raise
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError, NotFound
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.scopes import SCOPE_KINDS
from hyperstrate.shared.web import form_errors, go, page, submitted

pages = Blueprint("budget_pages", __name__, url_prefix="/app/budgets")
Errors = dict[str, list[str]]
PERIODS = {
    "daily": "Every day",
    "weekly": "Every week, from Monday",
    "monthly": "Every month",
    "rolling": "The last hours",
    "total": "For ever",
}
UNITS = {"usd": "US dollars", "requests": "requests", "tokens": "tokens"}
_WORDS = {str(scope): word for scope, word in WORDS.items()}
_NEW = {
    "unit": "usd",
    "period": "monthly",
    "timeZone": "UTC",
    "kind": "hard",
    "alerts": "80",
}


@pages.get("")
@require_admin
def show() -> Response:
    """All budgets, or those of one kind of scope."""
    scope = request.args.get("scope", "")
    number = request.args.get("page", 1, type=int)
    found = budget_views.of_page(budgets.find(caller().org_id, scope=scope, page=number))
    return page(
        "auth/budgets.html", block="list", found=found, words=_WORDS, scope=scope, periods=PERIODS
    )


@pages.get("/new")
@require_admin
def show_new() -> Response:
    """The form of a new budget for something of one kind."""
    return _new(request.args.get("scope", ""), {**_NEW, **request.args.to_dict()})


@pages.post("")
@require_admin
def create() -> Response:
    """Make a budget, and go on to it."""
    values, errors = submitted(NewBudgetForm)
    if not errors:
        try:
            budget_id = _create(values)
        except AppError as error:
            errors = form_errors(error)
        else:
            return go(_address(budget_id), "Made. Every process knows it within a second.")
    return _new(request.form.get("scope", ""), request.form.to_dict(), errors)


@pages.get("/<budget_id>")
@require_admin
def show_one(budget_id: str) -> Response:
    """One budget: how full it is, and what can be done about it."""
    return _one(budget_id)


@pages.post("/<budget_id>")
@require_admin
def change(budget_id: str) -> Response:
    """Change a budget."""
    values, errors = submitted(BudgetForm)
    if not errors:
        try:
            _change(budget_id, values)
        except AppError as error:
            errors = _errors_of(error)
    if errors:
        return _one(budget_id, typed=request.form.to_dict(), errors=errors)
    return go(_address(budget_id), "Saved.")


@pages.post("/<budget_id>/raise")
@require_admin
def raise_until(budget_id: str) -> Response:
    """Let it be larger for a while."""
    values, errors = submitted(RaiseBudget)
    if not errors:
        try:
            _raise(budget_id, values)
        except AppError as error:
            errors = _errors_of(error)
    if errors:
        return _one(budget_id, raising=request.form.to_dict(), raise_errors=errors)
    return go(_address(budget_id), "Raised.")


@pages.post("/<budget_id>/end-raise")
@require_admin
def end_raise(budget_id: str) -> Response:
    """End a raise before its time."""
    _raise(budget_id, {"amount": Decimal(0), "until": None})
    return go(_address(budget_id), "The raise has ended.")


@pages.post("/<budget_id>/enable")
@require_admin
def enable(budget_id: str) -> Response:
    """Let it count, or not; it keeps what is used of it."""
    is_enabled = request.form.get("isEnabled") == "true"
    _change(budget_id, {"is_enabled": is_enabled})
    return go(_address(budget_id), "Enabled." if is_enabled else "Disabled: it refuses nobody.")


@pages.post("/<budget_id>/delete")
@require_admin
def delete(budget_id: str) -> Response:
    """Delete it; what was spent stays in the ledger."""
    with unit_of_work():
        budgets.delete(caller().org_id, budget_id)
    return go(url_for("budget_pages.show"), "The budget is deleted.")


def _create(values: dict[str, Any]) -> str:
    scope, scope_id = values.pop("scope"), values.pop("scope_id")
    with unit_of_work():
        created = {**values, "created_by": caller().user_id}
        return budgets.create(caller().org_id, scope, scope_id, created).id


def _change(budget_id: str, changes: dict[str, Any]) -> None:
    org_id = caller().org_id
    with unit_of_work():
        changes = checked_change(budgets.get(org_id, budget_id), changes)
        budgets.change(org_id, budget_id, changes)


def _raise(budget_id: str, values: dict[str, Any]) -> None:
    org_id = caller().org_id
    with unit_of_work():
        more = checked_raise(budgets.get(org_id, budget_id), values)
        budgets.raise_until(org_id, budget_id, more["amount"], more["until"])


def _errors_of(error: AppError) -> Errors:
    """What is not there is a page of its own."""
    if isinstance(error, NotFound):
        raise error
    return form_errors(error)


def _address(budget_id: str) -> str:
    return url_for("budget_pages.show_one", budget_id=budget_id)


def _new(scope: str, values: dict[str, str], errors: Errors | None = None) -> Response:
    if scope not in SCOPE_KINDS:
        return go(url_for("budget_pages.show"), "Choose what the budget is for.")
    return page(
        "auth/budget_new.html",
        status=422 if errors else 200,
        scope=scope,
        word=_WORDS[scope],
        choices=scoped.choices(caller().org_id, scope),
        values=values,
        errors=errors or {},
        **_choices(),
    )


def _one(
    budget_id: str,
    *,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
    raising: dict[str, str] | None = None,
    raise_errors: Errors | None = None,
) -> Response:
    """``typed`` and ``errors`` of its own form, ``raising`` and ``raise_errors`` of the raise."""
    view = budget_views.of(budgets.get(caller().org_id, budget_id))
    return page(
        "auth/budget.html",
        status=422 if errors or raise_errors else 200,
        view=view,
        word=_WORDS[view.budget.scope],
        values=typed if typed is not None else _shown(view),
        errors=errors or {},
        raising=raising or {},
        raise_errors=raise_errors or {},
        **_choices(),
    )


def _choices() -> dict[str, Any]:
    return {"periods": PERIODS, "units": UNITS, "zones": sorted(available_timezones())}


def _shown(view: BudgetView) -> dict[str, str]:
    """A budget as its form shows it."""
    budget = view.budget
    return {
        "name": budget.name,
        "amount": f"{view.amount.normalize():f}",
        "period": budget.period,
        "timeZone": budget.time_zone,
        "rollingHours": str(budget.rolling_hours or ""),
        "kind": "hard" if budget.is_hard else "soft",
        "alerts": ", ".join(str(percent) for percent in budget.alert_percents),
    }
