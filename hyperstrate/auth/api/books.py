"""REST for the books: whether they balance, and a provider's bill beside them."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint
from flask_smorest.fields import Upload

from hyperstrate.auth.books import balance, provider_csv, reconciliation
from hyperstrate.auth.schemas.bills import BalancesSchema, BillArgs, ComparisonSchema
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.offhub import off_hub
from hyperstrate.shared.schemas import Body

blueprint = Blueprint(
    "books", __name__, url_prefix="/auth/books", description="Whether what was spent adds up"
)


class BillFile(Body):
    """A provider's usage or cost export: CSV, UTF-8, at most 10 MB and 100,000 rows."""

    file = Upload(required=True)


@blueprint.get("")
@require_admin
@blueprint.response(200, BalancesSchema)
def check() -> Any:
    """Every budget's window as entries, sums, counters and log have it."""
    return {"items": balance.check(caller().org_id)}


@blueprint.post("/compare")
@require_admin
@blueprint.arguments(BillFile, location="files")
@blueprint.arguments(BillArgs, location="form")
@blueprint.response(200, ComparisonSchema)
def compare(files: dict[str, Any], args: dict[str, Any]) -> Any:
    """Lay a provider's usage or cost CSV beside the ledger, by day and model.

    Columns are known by name: those of OpenAI's and Anthropic's exports, or ``date``, ``model``,
    ``requests``, ``input_tokens``, ``output_tokens``, ``cost_usd``. Nothing of the file is kept.
    """
    bill = off_hub(provider_csv.read, files["file"].stream)
    return reconciliation.compare(caller().org_id, bill, **args)
