"""The ledger: what every call to a provider cost, written once, and summed for every budget."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, tuple_, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.orm import InstrumentedAttribute

from hyperstrate.auth.books import windows
from hyperstrate.auth.books.counters import Sums
from hyperstrate.auth.models import Budget, BudgetUsage, LedgerEntry, LedgerSequence
from hyperstrate.shared.bulk import add_many, insert_many
from hyperstrate.shared.db import insert, session
from hyperstrate.shared.money import from_units, to_units
from hyperstrate.shared.scopes import SCOPE_KINDS

Row = dict[str, Any]
VOID = "void"
_SCOPE_COLUMNS = {
    "organization": "org_id",
    "team": "team_id",
    "router": "router_id",
    "api_key": "api_key_id",
    "virtual_key": "virtual_key_id",
}
_counted_by = itemgetter(*_SCOPE_COLUMNS.values(), "is_overflow")


@dataclass(frozen=True, slots=True)
class Grown:
    """A window of a budget became fuller; ``used`` is what it has now, in the budget's units."""

    budget: Budget
    name: str
    before: int
    used: int


def rows_of(log: Mapping[str, Any]) -> list[Row]:
    """The entries of one finished request, from its row of the log and the calls made for it."""
    shared = {
        "request_id": log["id"],
        "org_id": log["org_id"],
        "team_id": log["team_id"],
        "router_id": log["router_id"],
        "api_key_id": log["api_key_id"],
        "virtual_key_id": log["virtual_key_id"],
        "user_id": log["user_id"],
        "provider": log["provider"],
    }
    return [
        shared | _of_call(call, log, is_first=not number)
        for number, call in enumerate(log["attempts"])
    ]


def _of_call(call: Mapping[str, Any], log: Mapping[str, Any], *, is_first: bool) -> Row:
    usage = call["usage"]
    failed = "cancelled" if call["error_code"] == "cancelled" else "failed"
    return {
        "id": call["id"],
        "at": datetime.fromtimestamp(call["at"], UTC) if call["at"] else log["created_at"],
        "model_id": call["model_id"],
        "kind": "answer" if call["status"] == "success" else failed,
        "is_overflow": bool(call.get("is_overflow")),
        "requests": int(is_first),
        "tokens": int(usage["input_tokens"]) + int(usage["output_tokens"]),
        "cost_usd": Decimal(str(call["cost_usd"])),
        "reserved_usd": from_units(call["reserved"]),
        "price_version": call["price_version"],
        "is_estimated": bool(usage["is_estimated"]),
    }


def write(rows: Sequence[Row]) -> list[Grown]:
    """Add what is not there yet, and to the sums of all budgets; what grew is returned.

    A call that was taken for lost (void) and was only late is corrected.
    """
    _next_batch()
    rows = list({row["id"]: row for row in rows}.values())
    known = dict(
        session.execute(
            select(LedgerEntry.id, LedgerEntry.kind).where(
                LedgerEntry.id.in_([row["id"] for row in rows])
            )
        ).all()
    )
    new = [row for row in rows if row["id"] not in known]
    late = [row for row in rows if known.get(row["id"]) == VOID and row["kind"] != VOID]
    insert_many(LedgerEntry, new)
    for row in late:
        session.execute(update(LedgerEntry).where(LedgerEntry.id == row["id"]).values(row))
    return _add_to_sums([*new, *late])


def recorded(call_ids: Collection[str]) -> set[str]:
    """Which of these calls the ledger has."""
    ids = list(call_ids)
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        part = LedgerEntry.id.in_(ids[start : start + 500])
        found.update(session.scalars(select(LedgerEntry.id).where(part)))
    return found


def sums(names: Collection[str]) -> Sums:
    """The sums of windows by their names (:func:`window_name`).

    The batch number is read first: sums that are newer than it says do no harm.
    """
    number = session.scalar(select(LedgerSequence.number)) or 0
    wanted = {name: _Named(name) for name in names}
    used: dict[tuple[str, int], int] = {}
    columns = (BudgetUsage.budget_id, BudgetUsage.window_start, BudgetUsage.used)
    for where in _rows_of(wanted.values()):
        for budget_id, start, amount in session.execute(select(*columns).where(where)):
            used[budget_id, start] = amount
    return Sums(number, {name: named.sum_of(used) for name, named in wanted.items()})


def window_name(budget: Budget, at: float) -> str:
    """What the window of ``budget`` around ``at`` is called: tenant, budget, and its beginning."""
    if budget.period == "rolling":
        return f"{budget.org_id}:{budget.id}:last-{budget.rolling_hours}"
    start = windows.calendar(budget.period, budget.time_zone, at).start
    return f"{budget.org_id}:{budget.id}:{start:.0f}"


def rolling_windows() -> list[str]:
    """The names of the windows from which hours drop out while nothing is spent."""
    found = session.scalars(select(Budget).where(Budget.period == "rolling"))
    return [window_name(budget, 0.0) for budget in found]


class _Named:
    """A window's name, read. ``start``: from where it counts now."""

    def __init__(self, name: str) -> None:
        _, self.budget_id, window = name.split(":")
        self.is_rolling = window.startswith("last-")
        number = int(window.removeprefix("last-"))
        self.start = windows.rolling_start(number, time.time()) if self.is_rolling else number

    def sum_of(self, used: Mapping[tuple[str, int], int]) -> int:
        if not self.is_rolling:
            return used.get((self.budget_id, self.start), 0)
        return sum(
            amount
            for (budget_id, start), amount in used.items()
            if budget_id == self.budget_id and start >= self.start
        )


def _rows_of(wanted: Collection[_Named]) -> Iterator[ColumnElement[bool]]:
    """Of calendar windows one row each, of rolling ones the hours since the longest began."""
    calendar = [(named.budget_id, named.start) for named in wanted if not named.is_rolling]
    if calendar:
        yield tuple_(BudgetUsage.budget_id, BudgetUsage.window_start).in_(calendar)
    rolling = [named for named in wanted if named.is_rolling]
    if rolling:
        since = BudgetUsage.window_start >= min(named.start for named in rolling)
        yield BudgetUsage.budget_id.in_({named.budget_id for named in rolling}) & since


def rebuild(budget: Budget) -> None:
    """Sum the ledger anew for the present window of ``budget``."""
    _next_batch()
    session.execute(sql_delete(BudgetUsage).where(BudgetUsage.budget_id == budget.id))
    for start, used in _summed(budget, time.time()).items():
        values = {"budget_id": budget.id, "window_start": start, "used": used}
        session.execute(insert(BudgetUsage).values(values))


def spent(budget: Budget, at: float) -> int:
    """What the entries themselves say of the window around ``at``."""
    return sum(_summed(budget, at).values())


def matching(budget: Budget, at: float) -> ColumnElement[bool]:
    """The entries that count in the window of ``budget`` around ``at``."""
    column: InstrumentedAttribute[str] = getattr(LedgerEntry, _SCOPE_COLUMNS[budget.scope])
    own = and_(LedgerEntry.org_id == budget.org_id, column == budget.scope_id)
    if budget.router_id:
        own &= (LedgerEntry.router_id == budget.router_id) & ~LedgerEntry.is_overflow
    if budget.period == "rolling":
        first = windows.rolling_start(budget.rolling_hours, at)
        return own & (LedgerEntry.at >= datetime.fromtimestamp(first, UTC))
    window = windows.calendar(budget.period, budget.time_zone, at)
    since = own & (LedgerEntry.at >= datetime.fromtimestamp(window.start, UTC))
    if budget.period == "total":
        return since
    return since & (LedgerEntry.at < datetime.fromtimestamp(window.end, UTC))


def _summed(budget: Budget, at: float) -> dict[int, int]:
    """Beginning of a window, or of an hour -> what was used."""
    is_rolling = budget.period == "rolling"
    if not is_rolling:
        column = {"usd": LedgerEntry.cost_usd, "requests": LedgerEntry.requests}.get(
            budget.unit, LedgerEntry.tokens
        )
        total: Any = session.scalar(select(func.sum(column)).where(matching(budget, at))) or 0
        start = int(windows.calendar(budget.period, budget.time_zone, at).start)
        return {start: to_units(total) if budget.unit == "usd" else int(total)}
    found: dict[int, int] = defaultdict(int)
    for entry in session.scalars(select(LedgerEntry).where(matching(budget, at))):
        amounts: Row = {name: getattr(entry, name) for name in ("cost_usd", "requests", "tokens")}
        found[windows.hour_of(entry.at.timestamp())] += amount_in(budget.unit, amounts)
    return found


def amount_in(unit: str, row: Mapping[str, Any]) -> int:
    """What a call counts in a budget of ``unit``."""
    if unit == "usd":
        return to_units(row["cost_usd"])
    return int(row["requests"] if unit == "requests" else row["tokens"])


def _next_batch() -> None:
    """Batches follow one another: this row stays locked until the commit."""
    add_many(LedgerSequence, [{"id": 1, "number": 1}], key=("id",), amounts=("number",))


def _add_to_sums(rows: Iterable[Row]) -> list[Grown]:
    added: dict[tuple[str, int], int] = defaultdict(int)
    rows = list(rows)
    budgets = _budgets_of({row["org_id"] for row in rows})
    for alike in _alike(rows):
        one = alike[0]
        for kind in SCOPE_KINDS:
            for budget in budgets.get((kind, one[_SCOPE_COLUMNS[kind]]), ()):
                if _counts(budget, one):
                    used = sum(amount_in(budget.unit, row) for row in alike)
                    added[budget.id, _start(budget, one["at"].timestamp())] += used
    names = ("budget_id", "window_start", "used")
    grown = add_many(
        BudgetUsage,
        [dict(zip(names, (*key, added[key]), strict=True)) for key in sorted(added)],
        key=names[:2],
        amounts=names[2:],
    )
    by_id = {budget.id: budget for group in budgets.values() for budget in group}
    return [_grown(by_id[row["budget_id"]], row, added) for row in grown]


def _alike(rows: Iterable[Row]) -> Iterable[list[Row]]:
    """Together those that count in the same windows of the same budgets."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["at"].timestamp() // windows.QUARTER_S, *_counted_by(row)].append(row)
    return groups.values()


def _counts(budget: Budget, row: Row) -> bool:
    """Whether a call of the budget's scope counts in it, as :func:`matching` says it."""
    if not budget.router_id:
        return True
    return bool(row["router_id"] == budget.router_id and not row["is_overflow"])


def _budgets_of(org_ids: set[str]) -> dict[tuple[str, str], list[Budget]]:
    found: dict[tuple[str, str], list[Budget]] = defaultdict(list)
    today = select(Budget).where(Budget.org_id.in_(org_ids))
    for budget in session.scalars(today.execution_options(populate_existing=True)):
        found[budget.scope, budget.scope_id].append(budget)
    return found


def _start(budget: Budget, at: float) -> int:
    if budget.period == "rolling":
        return windows.hour_of(at)
    return int(windows.calendar(budget.period, budget.time_zone, at).start)


def _grown(budget: Budget, usage: Row, added: Mapping[tuple[str, int], int]) -> Grown:
    start, used = usage["window_start"], usage["used"]
    amount, name = added[budget.id, start], window_name(budget, start)
    if budget.period == "rolling":
        used = sums([name]).by_window[name]
        is_over = start < windows.rolling_start(budget.rolling_hours, time.time())
        return Grown(budget, name, used if is_over else used - amount, used)
    return Grown(budget, name, used - amount, used)
