"""Whether the limits of everybody whom a request concerns let it pass, all asked in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import and_, or_, select

from hyperstrate.auth.models import Limit, VirtualKey
from hyperstrate.shared.cache import VersionedCache
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import TooManyRequests
from hyperstrate.shared.limit_store import (
    Ceiling,
    LimitStore,
    State,
    Ticket,
    Verdict,
    at_once,
    per_second,
    per_window,
)
from hyperstrate.shared.rates import Expected, Rates, Room
from hyperstrate.shared.scopes import ScopeKind, Scopes

_WHOSE: dict[ScopeKind, str] = {
    "organization": "this organization",
    "team": "this team",
    "router": "this router",
    "api_key": "this API key",
    "virtual_key": "this virtual key",
}


class _Rule(NamedTuple):
    """A ceiling, and in words what it says."""

    ceiling: Ceiling
    words: str


class _Rules(NamedTuple):
    """What applies to a request."""

    ceilings: tuple[Ceiling, ...]
    words: tuple[str, ...]
    counts_tokens: bool
    must_settle: bool


class Hold:
    """What a request took of its limits."""

    __slots__ = ("_store", "_ticket", "rates")

    def __init__(self, store: LimitStore, ticket: Ticket | None, rates: Rates) -> None:
        self._store = store
        self._ticket = ticket
        self.rates = rates

    def settle(self, tokens: int) -> None:
        """The request is over: its slots are free, its tokens are corrected. Once."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            self._store.settle(ticket, tokens)


class Limiter:
    """Answers the router's ``Limits``. From memory, but for the store itself."""

    def __init__(self, store: LimitStore) -> None:
        self._store = store
        self._rules: VersionedCache[Scopes, _Rules | None] = VersionedCache("limits", "keys")

    def take(self, scopes: Scopes, expected: Callable[[], Expected]) -> Hold | None:
        """Take what the request needs of every limit; None where none applies.

        Raises TooManyRequests.
        """
        rules = self._rules.get(scopes, _load)
        if rules is None:
            return None
        needed = expected() if rules.counts_tokens else Expected()
        costs = [_cost(ceiling, needed) for ceiling in rules.ceilings]
        verdict = self._store.take(rules.ceilings, costs)
        rates = _rates(rules.ceilings, verdict)
        if verdict.ticket is None:
            raise _refusal(rules, costs, verdict, rates)
        return Hold(self._store, verdict.ticket if rules.must_settle else None, rates)


def _load(scopes: Scopes) -> _Rules | None:
    rules: list[_Rule] = []
    own = [and_(Limit.scope == scope, Limit.scope_id == id_) for scope, id_ in scopes.pairs()]
    for row in session.scalars(
        select(Limit).where(Limit.org_id == scopes.organization, or_(*own)).order_by(Limit.id)
    ):
        rules += _rules_of(row)
    rules += _rules_of_virtual_key(scopes)
    if not rules:
        return None
    ceilings = tuple(rule.ceiling for rule in rules)
    counts_tokens = any(ceiling.is_tokens for ceiling in ceilings)
    return _Rules(
        ceilings,
        tuple(rule.words for rule in rules),
        counts_tokens,
        must_settle=counts_tokens or any(ceiling.kind == "slots" for ceiling in ceilings),
    )


def _rules_of(row: Limit) -> list[_Rule]:
    rules: list[_Rule] = []
    prefix = f"limits:{{{row.org_id}}}:{row.scope}:{row.scope_id}"
    whose = next(words for scope, words in _WHOSE.items() if scope == row.scope)
    if row.requests_per_second:
        rules.append(_rps(prefix, whose, row.requests_per_second))
    if row.requests_per_minute:
        said = f"{whose} may make {_many(row.requests_per_minute, 'request')} per minute"
        rules.append(_Rule(per_window(f"{prefix}:rpm", row.requests_per_minute), said))
    if row.tokens_per_minute:
        said = f"{whose} may use {_many(row.tokens_per_minute, 'token')} per minute"
        ceiling = per_window(f"{prefix}:tpm", row.tokens_per_minute, is_tokens=True)
        rules.append(_Rule(ceiling, said))
    if row.concurrent_requests:
        said = f"{whose} may have {_many(row.concurrent_requests, 'request')} under way at once"
        rules.append(_Rule(at_once(f"{prefix}:slots", row.concurrent_requests), said))
    return rules


def _rules_of_virtual_key(scopes: Scopes) -> list[_Rule]:
    """The original's only rate of a virtual key, beside the limits that it may have here."""
    if not scopes.virtual_key:
        return []
    own = (VirtualKey.org_id == scopes.organization, VirtualKey.id == scopes.virtual_key)
    rps = session.scalar(select(VirtualKey.rate_limit_rps).where(*own))
    prefix = f"limits:{{{scopes.organization}}}:rate_limit_rps:{scopes.virtual_key}"
    return [_rps(prefix, _WHOSE["virtual_key"], rps)] if rps else []


def _rps(prefix: str, whose: str, rps: float) -> _Rule:
    said = f"{whose} may make {_many(rps, 'request')} per second"
    return _Rule(per_second(f"{prefix}:rps", rps), said)


def _many(amount: float, what: str) -> str:
    return f"{amount:,.10g} {what}" + ("" if amount == 1 else "s")


def _cost(ceiling: Ceiling, expected: Expected) -> int:
    """Requests cost one. A long answer that may come does not make a request too large."""
    if not ceiling.is_tokens:
        return 1
    asked = expected.input_tokens
    return asked + min(expected.output_tokens, max(0, int(ceiling.most) - asked))


def _refusal(
    rules: _Rules, costs: Sequence[int], verdict: Verdict, rates: Rates
) -> TooManyRequests:
    at = verdict.refused
    ceiling, words = rules.ceilings[at], rules.words[at]
    if costs[at] > ceiling.most:
        words = f"the request has about {costs[at]:,} tokens, and {words}"
    wait_s = verdict.states[at].wait_ms / 1000
    refusal = TooManyRequests(f"rate limit exceeded: {words}", retry_after_s=wait_s)
    refusal.rates = rates
    return refusal


def _rates(ceilings: Sequence[Ceiling], verdict: Verdict) -> Rates:
    requests: tuple[Ceiling, State] | None = None
    tokens: tuple[Ceiling, State] | None = None
    for pair in zip(ceilings, verdict.states, strict=True):
        if pair[0].is_tokens:
            tokens = _tighter(tokens, pair)
        elif pair[0].kind != "slots":
            requests = _tighter(requests, pair)
    return Rates(_room(requests), _room(tokens), verdict.is_degraded)


def _tighter(
    known: tuple[Ceiling, State] | None, other: tuple[Ceiling, State]
) -> tuple[Ceiling, State]:
    """Of which less is left; of the same, the one that takes longer to come back."""
    if known is None:
        return other
    (one, two) = known[1], other[1]
    return known if (one.left, -one.reset_ms) <= (two.left, -two.reset_ms) else other


def _room(found: tuple[Ceiling, State] | None) -> Room | None:
    if found is None:
        return None
    ceiling, state = found
    return Room(int(ceiling.most), state.left, state.reset_ms / 1000)
