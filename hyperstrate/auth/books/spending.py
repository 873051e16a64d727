"""Reserve, settle, void: no call to a provider goes out that a budget has no room for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import structlog

from hyperstrate.auth.books import amounts, applying, ledger
from hyperstrate.auth.books.applying import Applying
from hyperstrate.auth.books.counters import Charge, Counters, MemoryCounters, Refusal, Sums, Used
from hyperstrate.auth.books.counters_redis import RedisCounters
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import PaymentRequired
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.money import to_units
from hyperstrate.shared.scopes import Scopes
from hyperstrate.shared.spending import Reservation, Worst

log = structlog.get_logger(__name__)
#: A call whose process is gone and that nobody recorded for so long is void.
LOST_AFTER_S = 30.0
SWEEP_AFTER_S = 5.0
Context = Callable[[], AbstractContextManager[object]]
_AMOUNTS = {"usd": "${:,.2f}", "requests": "{:,.0f} requests", "tokens": "{:,.0f} tokens"}


class Spending:
    """Answers the router: may this call be made; and hears what it took."""

    def __init__(self, context: Context, link: Any = None) -> None:
        """``link`` is a RedisLink where several processes share the counters."""
        self._context = context
        own = MemoryCounters(self._sums, self._recorded, share=link.processes if link else 1)
        self._shared = RedisCounters(link, own, self._sums) if link else None
        self.counters: Counters = self._shared or own

    def reserve(
        self,
        scopes: Scopes,
        worst: Callable[[], Worst],
        *,
        at: float,
        is_first: bool,
        is_overflow: bool = False,
    ) -> Reservation:
        """Hold the worst case in every budget that applies. ``is_first``: call of its request.

        ``is_overflow``: it is made because a budget had no room for another call.

        Raises PaymentRequired.
        """
        found = applying.find(scopes, is_overflow=is_overflow)
        reservation = Reservation(new_id("att"), at)
        if not found:
            return reservation
        most = worst()
        takes = {
            "usd": to_units(most.cost_usd),
            "requests": int(is_first),
            "tokens": most.tokens,
        }
        charges = [
            Charge(each.window(at), takes[each.budget.unit], each.limit(at)) for each in found
        ]
        refusal = self.counters.reserve(reservation.id, charges)
        if refusal is not None:
            raise _refused(found, charges, refusal, at)
        reservation.units = takes["usd"]
        reservation.windows = tuple(
            (charge.window, each.budget.unit) for charge, each in zip(charges, found, strict=True)
        )
        return reservation

    def settle(self, reservation: Reservation, cost_usd: Decimal, tokens: int) -> None:
        """The call took so much. The ledger hears of it by itself."""
        if not reservation.windows:
            return
        took = {"usd": to_units(cost_usd), "tokens": tokens}
        amounts = {name: took[unit] for name, unit in reservation.windows if unit in took}
        self.counters.settle(reservation.id, amounts)

    def used(self, names: Collection[str]) -> dict[str, Used]:
        """What is used of windows, by their names (:func:`ledger.window_name`)."""
        return self.counters.used(names)

    def tend(self) -> None:
        """The duty of every process that calls providers."""
        self.counters.tend()

    def take_over(self, names: Collection[str], call_ids: Collection[str]) -> None:
        """The ledger has these calls now, and grew in these windows."""
        if self._shared is not None:
            self._shared.take_over(self._sums(names), call_ids)

    def sweep(self) -> None:
        """Close calls that the ledger has already; enter as void those that a crash cut off."""
        if self._shared is None:
            return
        self._let_roll(self._shared)
        self._sweep(self._shared)

    def _let_roll(self, shared: RedisCounters) -> None:
        """A rolling window becomes emptier by itself, also when no call fits into it."""
        with self._context():
            try:
                names = ledger.rolling_windows()
            finally:
                session.rollback()
        if names:
            shared.take_over(self._sums(names), ())

    def _sweep(self, shared: RedisCounters) -> None:
        open_calls = shared.stale(SWEEP_AFTER_S)
        if not open_calls:
            return
        known = self._recorded(open_calls)
        lost = shared.stale(LOST_AFTER_S)
        voids = [id_ for id_, is_alive in lost.items() if not is_alive and id_ not in known]
        for call_id in voids:
            self._enter_void(call_id, next(iter(shared.windows_of(call_id)), ""))
        done = known | set(voids)
        names = {name for call_id in done for name in shared.windows_of(call_id)}
        shared.take_over(self._sums(names), done)

    def _enter_void(self, call_id: str, window: str) -> None:
        """A process ended in the middle of a call: what that cost, nobody knows."""
        org_id = window.split(":")[0]
        log.warning("call_lost", call_id=call_id, org_id=org_id)
        if not org_id:
            return
        with self._context(), unit_of_work():
            ledger.write([_void(call_id, org_id)])

    def _sums(self, names: Collection[str]) -> Sums:
        with self._context():
            try:
                return ledger.sums(names)
            finally:
                session.rollback()

    def _recorded(self, call_ids: Collection[str]) -> set[str]:
        with self._context():
            try:
                return ledger.recorded(call_ids)
            finally:
                session.rollback()


def _void(call_id: str, org_id: str) -> ledger.Row:
    scopes = ("team_id", "router_id", "api_key_id", "virtual_key_id", "user_id")
    empty = dict.fromkeys((*scopes, "request_id", "model_id", "provider", "price_version"), "")
    return {
        **empty,
        "id": call_id,
        "at": datetime.now(UTC),
        "org_id": org_id,
        "kind": ledger.VOID,
        "is_overflow": False,
        "requests": 0,
        "tokens": 0,
        "cost_usd": Decimal(0),
        "reserved_usd": Decimal(0),
        "is_estimated": False,
    }


def _refused(
    found: Sequence[Applying], charges: Sequence[Charge], refusal: Refusal, at: float
) -> PaymentRequired:
    number = next(i for i, charge in enumerate(charges) if charge.window == refusal.window)
    each, charge = found[number], charges[number]
    budget = each.budget
    used, limit = (
        _AMOUNTS[budget.unit].format(amounts.for_people(budget.unit, amount))
        for amount in (refusal.used, charge.limit or 0)
    )
    scope = budget.scope.replace("_", " ").replace("api", "API")
    where = " on this router" if budget.router_id else ""
    return PaymentRequired(
        f"the {budget.period} budget of this {scope}{where} has no room for this request:"
        f" {used} of {limit} used or reserved",
        retry_after_s=each.until_next(at),
    )
