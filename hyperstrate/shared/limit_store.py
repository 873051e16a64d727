"""Limits that many requests share: all that apply to a request are taken in one step, or none.

Three ways of counting, each the same in memory and in Redis:

- ``rate`` (requests per second): GCRA, a token bucket of one number: the time at which the bucket
  would be full again. It holds one second's worth, at least one request, so that half a request
  per second means one every two seconds.
- ``window`` (requests and tokens per minute): a ring of 61 sums, one for each second. What is in
  them is never more than the limit, so it holds in *every* 60 seconds, not only between full
  minutes: there is no edge around which twice the limit fits. What was taken is free again after
  60 to 61 seconds, which costs at most 1.7 %. Neither a bucket (which lets its burst and its
  refill pass in one minute, twice the limit) nor two sums weighed by the clock (which guess how
  the last minute was spread) hold that; a list of all requests would, and grows with the limit.
- ``slots`` (requests at once): a lease for each request that runs. A process renews its leases; of
  one that was killed they run out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil, floor
from typing import Literal, NamedTuple, Protocol
from weakref import WeakSet

from hyperstrate.shared.locks import brief_lock
from hyperstrate.shared.store import Clock, Recent

Kind = Literal["rate", "window", "slots"]
WINDOW_SLOTS = 60
RING = WINDOW_SLOTS + 1
RETRY_MS = 1000.0  # nobody knows when a request that runs will end
KEPT_KEYS, KEPT_BYTES = 100_000, 128 * 2**20
RING_BYTES = 700


class Ceiling(NamedTuple):
    """One limit. ``span_ms``: of a rate, between two requests; of a window, one of its slots."""

    key: str
    kind: Kind
    most: float
    span_ms: float = 0.0
    is_tokens: bool = False


def per_second(key: str, requests: float) -> Ceiling:
    """So many requests per second, with a burst of one second's worth."""
    return Ceiling(key, "rate", max(1.0, requests), 1000 / requests)


def per_window(key: str, most: int, *, window_s: float = 60.0, is_tokens: bool = False) -> Ceiling:
    """So many requests or tokens in any ``window_s`` seconds."""
    return Ceiling(key, "window", most, window_s * 1000 / WINDOW_SLOTS, is_tokens)


def at_once(key: str, requests: int) -> Ceiling:
    """So many requests at the same time."""
    return Ceiling(key, "slots", requests)


class State(NamedTuple):
    """What is left of a limit after the request, how long until all of it is there again, and how
    long until the request would fit: zero when it does."""

    left: int
    reset_ms: float
    wait_ms: float


@dataclass(slots=True, weakref_slot=True, eq=False)
class Ticket:
    """What a request took, until it is settled. Whoever forgets one gives its slots back.

    ``at_ms``: when, by this process's clock; ``shared_at_ms`` by Redis's, None when Redis does not
    know of it.
    """

    id: str
    ceilings: Sequence[Ceiling]
    costs: Sequence[int]
    at_ms: float
    shared_at_ms: float | None = None


class Verdict(NamedTuple):
    """Whether all limits let a request pass: then there is a ticket, else the tightest ``refused``.

    ``states`` and ``refused`` are in the order of the ceilings.
    """

    states: Sequence[State]
    ticket: Ticket | None = None
    refused: int = -1
    is_degraded: bool = False


class LimitStore(Protocol):
    """Where limits are counted."""

    def take(self, ceilings: Sequence[Ceiling], costs: Sequence[int]) -> Verdict:
        """Take its cost from every ceiling, or nothing from any. A slot costs one."""

    def settle(self, ticket: Ticket, tokens: int) -> None:
        """The request is over and took ``tokens``: correct what was taken, free its slots. Once."""

    def tend(self) -> None:
        """What must happen all the time, twice a second."""


def verdict_of(states: Sequence[State]) -> int:
    """The index of the tightest ceiling that refuses; -1 when none does."""
    waits = [state.wait_ms for state in states]
    worst = max(waits)
    return waits.index(worst) if worst > 0 else -1


class Window:
    """Sums of the last 61 slots, the present one among them."""

    __slots__ = ("at", "ring", "used")

    def __init__(self) -> None:
        self.at = 0
        self.used = 0
        self.ring = [0] * RING

    def forward(self, slot: int) -> None:
        """It is ``slot`` now: what is older than the window is forgotten."""
        if slot - self.at >= RING:
            self.ring, self.used = [0] * RING, 0
        else:
            for passed in range(self.at + 1, slot + 1):
                self.used -= self.ring[passed % RING]
                self.ring[passed % RING] = 0
        self.at = max(slot, self.at)

    def add(self, amount: int) -> None:
        self.ring[self.at % RING] += amount
        self.used += amount

    def correct(self, by: int, taken_at: int) -> None:
        """More was used: now. Less: it was not used then; never more than is still counted."""
        if by >= 0:
            self.add(by)
        elif self.at - taken_at < RING:
            back = min(-by, self.ring[taken_at % RING])
            self.ring[taken_at % RING] -= back
            self.used -= back

    def free_at(self, needed: float) -> int:
        """The slot in which ``needed`` more than now will be free."""
        freed = 0
        for slot in range(self.at - WINDOW_SLOTS, self.at + 1):
            freed += self.ring[slot % RING]
            if freed >= needed:
                return slot + RING
        return self.at + RING


class MemoryLimits:
    """The limits of a process that is alone; or its share, where Redis has the whole."""

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = brief_lock()
        self._numbers = count()
        self._full_at: Recent[float] = Recent(KEPT_KEYS, KEPT_BYTES, clock)
        self._windows: Recent[Window] = Recent(KEPT_KEYS, KEPT_BYTES, clock)
        self._running: dict[str, WeakSet[Ticket]] = {}

    def take(self, ceilings: Sequence[Ceiling], costs: Sequence[int]) -> Verdict:
        with self._lock:
            now = self._clock() * 1000
            pairs = list(zip(ceilings, costs, strict=True))
            states = [self._look(ceiling, cost, now) for ceiling, cost in pairs]
            refused = verdict_of(states)
            if refused >= 0:
                return Verdict(states, refused=refused)
            for (ceiling, cost), state in zip(pairs, states, strict=True):
                if ceiling.kind == "rate":
                    self._fill(ceiling, now + state.reset_ms, now)
                elif ceiling.kind == "window":
                    self._add(ceiling, cost, now)
            ticket = Ticket(str(next(self._numbers)), ceilings, costs, now)
            self._run(ticket)
        return Verdict(states, ticket)

    def take_share(
        self, ceilings: Sequence[Ceiling], costs: Sequence[int], processes: int
    ) -> Verdict:
        """Take from this process's share of each ceiling: a part of it, at least one request."""
        shares = [share_of(ceiling, processes) for ceiling in ceilings]
        fitting = [
            min(cost, int(share.most)) if cost <= ceiling.most else cost
            for ceiling, share, cost in zip(ceilings, shares, costs, strict=True)
        ]
        return self.take(shares, fitting)._replace(is_degraded=True)

    def note(self, ticket: Ticket) -> None:
        """Another has let it pass: count it here too, so that a share knows what it has given."""
        with self._lock:
            ticket.at_ms = self._clock() * 1000
            for ceiling, cost in zip(ticket.ceilings, ticket.costs, strict=True):
                if ceiling.kind == "window":
                    self._add(ceiling, cost, ticket.at_ms)
            self._run(ticket)

    def settle(self, ticket: Ticket, tokens: int) -> None:
        with self._lock:
            now = self._clock() * 1000
            for ceiling, cost in zip(ticket.ceilings, ticket.costs, strict=True):
                if ceiling.kind == "slots":
                    self._stop(ceiling.key, ticket)
                elif ceiling.is_tokens:
                    window = self._window(ceiling, now)
                    window.correct(tokens - cost, int(ticket.at_ms // ceiling.span_ms))

    def tend(self) -> None:
        """Nobody else has to hear of what runs here."""

    def running(self) -> dict[str, list[Ticket]]:
        """The requests that run, by the key of their slots."""
        with self._lock:
            found = {key: list(tickets) for key, tickets in self._running.items()}
            self._running = {key: self._running[key] for key, tickets in found.items() if tickets}
        return {key: tickets for key, tickets in found.items() if tickets}

    def is_running(self, key: str, ticket: Ticket) -> bool:
        return ticket in self._running.get(key, ())

    def _look(self, ceiling: Ceiling, cost: int, now: float) -> State:
        if ceiling.kind == "rate":
            return self._look_at_rate(ceiling, now)
        if ceiling.kind == "slots":
            left = int(ceiling.most) - len(self._running.get(ceiling.key, ())) - 1
            return State(max(0, left), 0.0, RETRY_MS if left < 0 else 0.0)
        window = self._window(ceiling, now)
        left = int(ceiling.most) - window.used - cost
        wait = window.free_at(-left) * ceiling.span_ms - now if left < 0 else 0.0
        reset = (window.at + RING) * ceiling.span_ms - now
        return State(max(0, left if left >= 0 else left + cost), reset, wait)

    def _look_at_rate(self, ceiling: Ceiling, now: float) -> State:
        room = ceiling.most * ceiling.span_ms
        full_at = min(self._full_at.get(ceiling.key) or now, now + room)
        until_full = max(full_at, now) + ceiling.span_ms - now
        wait = until_full - room
        if wait > SLACK_MS:
            return State(0, until_full - ceiling.span_ms, wait)
        return State(max(0, floor((room - until_full) / ceiling.span_ms + SLACK_MS)), until_full, 0)

    def _fill(self, ceiling: Ceiling, full_at: float, now: float) -> None:
        self._full_at.put(ceiling.key, full_at, ttl_s=(full_at - now) / 1000 + 1)

    def _window(self, ceiling: Ceiling, now: float) -> Window:
        window = self._windows.get(ceiling.key)
        if window is None:
            window = Window()
            kept_s = RING * ceiling.span_ms / 1000
            self._windows.put(ceiling.key, window, ttl_s=kept_s, size=RING_BYTES)
        window.forward(int(now // ceiling.span_ms))
        return window

    def _add(self, ceiling: Ceiling, cost: int, now: float) -> None:
        window = self._window(ceiling, now)
        window.add(cost)
        kept_s = RING * ceiling.span_ms / 1000
        self._windows.put(ceiling.key, window, ttl_s=kept_s, size=RING_BYTES)

    def _run(self, ticket: Ticket) -> None:
        for ceiling in ticket.ceilings:
            if ceiling.kind == "slots":
                self._running.setdefault(ceiling.key, WeakSet()).add(ticket)

    def _stop(self, key: str, ticket: Ticket) -> None:
        tickets = self._running.get(key)
        if tickets is None:
            return
        tickets.discard(ticket)
        if not tickets:
            del self._running[key]


SLACK_MS = 0.001


def share_of(ceiling: Ceiling, processes: int) -> Ceiling:
    """What one of ``processes`` may give of a ceiling."""
    if ceiling.kind == "rate":
        most = max(1.0, ceiling.most / processes)
        return ceiling._replace(most=most, span_ms=ceiling.span_ms * processes)
    return ceiling._replace(most=max(1, floor(ceiling.most / processes)))


def seconds(span_ms: float) -> float:
    """Rounded up to what a clock shows."""
    return ceil(span_ms) / 1000
