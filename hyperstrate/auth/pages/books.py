"""The pages of the books: whether they balance, and a provider's bill laid beside them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, request

from hyperstrate.auth.books import (
    balance,
    budget_views,
    comparison_csv,
    provider_csv,
    reconciliation,
)
from hyperstrate.auth.books.balance import Balance
from hyperstrate.auth.books.comparison import Comparison
from hyperstrate.auth.pages.limits import WORDS
from hyperstrate.auth.schemas.bills import BillForm
from hyperstrate.shared.errors import AppError, BadRequest
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.offhub import off_hub
from hyperstrate.shared.web import form_errors, page, submitted

pages = Blueprint("book_pages", __name__, url_prefix="/app/budgets")
Errors = dict[str, list[str]]
#: More lines than these are in the file that can be downloaded.
MAX_LINES = 300
_WORDS = {str(scope): word for scope, word in WORDS.items()}


@pages.get("/books")
@require_admin
def show() -> Response:
    """The books of every budget: what entries, sums, counters and the log say."""
    return _all()


@pages.post("/books")
@require_admin
def compare() -> Response:
    """Lay a provider's bill beside the ledger; nothing of the file is kept."""
    values, errors = submitted(BillForm)
    found = None
    if not errors:
        try:
            found = _compared(values["provider"])
        except AppError as error:
            errors = form_errors(error)
    if found and values["show"] == "csv":
        return _file(found)
    return _all(found, errors)


@pages.get("/<budget_id>/books")
@require_admin
def show_one(budget_id: str) -> Response:
    """The books of one budget."""
    alone = balance.of(caller().org_id, budget_id)
    return page(
        "auth/budget_books.html",
        block="books",
        **_balances([alone]),
        budget_id=budget_id,
    )


def _all(found: Comparison | None = None, errors: Errors | None = None) -> Response:
    return page(
        "auth/budget_books.html",
        block="books",
        status=422 if errors else 200,
        **_balances(balance.check(caller().org_id)),
        budget_id="",
        providers=reconciliation.providers(),
        found=found,
        most=MAX_LINES,
        values=request.form,
        errors=errors or {},
    )


def _balances(found: list[Balance]) -> dict[str, Any]:
    called = budget_views.names_of([each.budget for each in found])
    return {"balances": found, "called": called, "scopes": _WORDS}


def _compared(provider: str) -> Comparison:
    """Raises an AppError, with the field that it is about."""
    upload = request.files.get("file")
    if not upload or not upload.filename:
        raise BadRequest("no file", fields={"file": ["choose a CSV file"]})
    bill = off_hub(provider_csv.read, upload.stream)
    return reconciliation.compare(caller().org_id, bill, provider=provider)


def _file(found: Comparison) -> Response:
    response = make_response(comparison_csv.text(found))
    response.mimetype = "text/csv"
    name = f"{found.provider.lower()}-{found.since}-{found.until}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
