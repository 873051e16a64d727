"""A provider's bill laid beside the ledger: day by day and model by model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, or_, select

from hyperstrate.auth.books.comparison import Comparison, Entered, Line
from hyperstrate.auth.books.model_names import OneName
from hyperstrate.auth.books.provider_csv import Bill
from hyperstrate.auth.models import LedgerEntry
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import Unprocessable

NO_MODEL, ALL_MODELS, UNKNOWN = "no model named", "all models", "deleted model"
ONE_DAY = timedelta(days=1)


def compare(org_id: str, bill: Bill, *, provider: str = "") -> Comparison:
    """Lay a bill beside an organisation's entries of those days. Raises Unprocessable.

    ``provider``: whose bill it is, where its columns do not tell.
    """
    provider = _provider(provider or bill.provider)
    days = [day for day, _ in bill.billed]
    since, until = min(days), max(days)
    models = runtime().models.called(org_id, _start(since), _start(until + ONE_DAY))
    own = {model.id: model for model in models if model.provider == provider}
    lines = _Lines(bill, OneName(list(own.values())))
    for (day, name), billed in bill.billed.items():
        lines.line(day, name).theirs.add(billed)
    others = {model.id for model in models} - own.keys()
    for entry in _entries(org_id, since, until):
        if entry.model_id in own:
            lines.line(entry.day, own[entry.model_id].names[0]).ours.add(entry.entered)
        elif entry.model_id not in others and entry.provider.upper() == provider:
            lines.line(entry.day, entry.model_id or UNKNOWN).ours.add(entry.entered)
    total = _sum(Line(ALL_MODELS, None, bill.says), lines.by_day())
    return Comparison(provider, since, until, bill, total, lines.by_model(), lines.by_day())


def providers() -> dict[str, str]:
    """Key -> label of everybody who may send a bill, by label."""
    known = runtime().models.providers()
    return dict(sorted(known.items(), key=lambda item: item[1].lower()))


def _provider(name: str) -> str:
    known = providers()
    if name.upper() in known:
        return name.upper()
    said = "the file's columns do not tell: name it"
    if name:
        said = f"no provider {name[:40]!r}; there are: {', '.join(sorted(known))}"
    raise Unprocessable("it is not known whose bill this is", fields={"provider": [said]})


class _Lines:
    """The lines of a comparison, by day and model; by day alone where the bill names no model."""

    def __init__(self, bill: Bill, names: OneName) -> None:
        self._says, self._names = bill.says, names
        self._has_models = any(name for _, name in bill.billed)
        self._lines: dict[tuple[date, str], Line] = {}

    def line(self, day: date, name: str) -> Line:
        """The line of this day and of what ``name`` calls."""
        model = (self._names.of(name) if name else NO_MODEL) if self._has_models else ALL_MODELS
        return self._lines.setdefault((day, model), Line(model, day, self._says))

    def by_day(self) -> list[Line]:
        return [line for _, line in sorted(self._lines.items())]

    def by_model(self) -> list[Line]:
        """All days of each model, the dearest first."""
        found: dict[str, list[Line]] = defaultdict(list)
        for line in self._lines.values():
            found[line.model].append(line)
        totals = [_sum(Line(model, None, self._says), of) for model, of in found.items()]
        return sorted(totals, key=lambda total: (-total.theirs.cost_usd, total.model))


def _sum(total: Line, lines: Iterable[Line]) -> Line:
    for line in lines:
        total.theirs.add(line.theirs)
        total.ours.add(line.ours)
    return total


@dataclass(frozen=True, slots=True)
class _Entries:
    """The entries of one day and model, summed."""

    day: date
    model_id: str
    provider: str
    entered: Entered


def _entries(org_id: str, since: date, until: date) -> Iterator[_Entries]:
    kinds = (
        LedgerEntry.model_id,
        LedgerEntry.provider,
        LedgerEntry.price_version,
        LedgerEntry.is_estimated,
    )
    sums = func.count(), func.sum(LedgerEntry.tokens), func.sum(LedgerEntry.cost_usd)
    used = or_(LedgerEntry.kind == "answer", LedgerEntry.tokens > 0, LedgerEntry.cost_usd > 0)
    for number in range((until - since).days + 1):
        day = since + number * ONE_DAY
        of_day = LedgerEntry.at >= _start(day), LedgerEntry.at < _start(day + ONE_DAY)
        wanted = select(*kinds, *sums).where(LedgerEntry.org_id == org_id, *of_day, used)
        for row in session.execute(wanted.group_by(*kinds)):
            model_id, provider, version, is_estimated, count, tokens, cost_usd = row
            estimated = count if is_estimated else 0
            entered = Entered(int(tokens), count, cost_usd, estimated, {version}, {model_id})
            yield _Entries(day, model_id, provider, entered)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
