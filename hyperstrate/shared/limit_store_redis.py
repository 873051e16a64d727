"""The limits of all processes and hosts, in Redis; when that fails, each process's share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from time import monotonic
from typing import Any, TypeAlias

from hyperstrate.shared import limit_scripts
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.limit_store import (
    Ceiling,
    MemoryLimits,
    State,
    Ticket,
    Verdict,
    Window,
    verdict_of,
)
from hyperstrate.shared.redis_link import RedisLink

LEASE_S = 15.0
MOST_LEASES, MOST_TOLD = 1000, 100
Leases: TypeAlias = Mapping[str, list[Ticket]]


class _Untold:
    """What this process took of a window while Redis was away. ``number``: of this absence."""

    def __init__(self, number: int, span_ms: float) -> None:
        self.number = number
        self.span_ms = span_ms
        self.telling = 0
        self.is_told = False
        self._window = Window()

    def used(self) -> int:
        self._window.forward(int(monotonic() * 1000 // self.span_ms))
        return self._window.used

    def add(self, amount: int) -> None:
        self.used()
        self._window.correct(amount, self._window.at)


class RedisLimits:
    """One script and one round trip for all limits of a request; nobody waits for its settling.

    What passes is counted here too. So when Redis does not answer, this process knows what it gave
    of its share in the present window; what it gives then it tells Redis when that is back, once.
    A lease that Redis has forgotten (it was flushed, or away) is there again with its next renewal.
    """

    def __init__(self, link: RedisLink, *, lease_s: float = LEASE_S) -> None:
        self._link = link
        self._lease_ms = int(lease_s * 1000)
        self._own = MemoryLimits()
        self._name = new_id("proc")
        self._numbers = count()
        self._processes = link.processes
        self._untold: dict[str, _Untold] = {}
        self._was_away = False
        self._next_renewal = 0.0
        self._take = link.line.script(limit_scripts.TAKE)
        self._settle = link.line.script(limit_scripts.SETTLE)
        self._tell = link.line.script(limit_scripts.TELL)
        self._renew = link.line.script(limit_scripts.RENEW)

    def take(self, ceilings: Sequence[Ceiling], costs: Sequence[int]) -> Verdict:
        ticket_id = f"{self._name}:{next(self._numbers)}"
        return self._link.do(
            "limits",
            lambda: self._take_there(ticket_id, ceilings, costs),
            lambda: self._take_here(ticket_id, ceilings, costs),
        )

    def settle(self, ticket: Ticket, tokens: int) -> None:
        self._own.settle(ticket, tokens)
        if ticket.shared_at_ms is None:
            self._correct_untold(ticket, tokens)
        self._settle_soon(ticket, tokens)

    def tend(self) -> None:
        """Keep the leases of what runs here, and say that this process is there; in good time."""
        if monotonic() < self._next_renewal:
            return
        self._next_renewal = monotonic() + self._lease_ms / 3000
        self._link.do("limits", self._return_or_renew, self._forget_untold)

    def _take_there(
        self, ticket_id: str, ceilings: Sequence[Ceiling], costs: Sequence[int]
    ) -> Verdict:
        if self._was_away:
            self._come_back()
        arguments: list[Any] = [ticket_id, self._lease_ms]
        for ceiling, cost in zip(ceilings, costs, strict=True):
            arguments += (ceiling.kind, ceiling.most, ceiling.span_ms, cost)
        said = self._take(self._keys(ceilings), arguments)
        states = [State(*said[at : at + 3]) for at in range(2, len(said), 3)]
        if not said[0]:
            return Verdict(states, refused=verdict_of(states))
        ticket = Ticket(ticket_id, ceilings, costs, 0.0, shared_at_ms=said[1])
        self._own.note(ticket)
        return Verdict(states, ticket)

    def _take_here(
        self, ticket_id: str, ceilings: Sequence[Ceiling], costs: Sequence[int]
    ) -> Verdict:
        verdict = self._own.take_share(ceilings, costs, self._processes)
        self._was_away = True
        if verdict.ticket is not None:
            verdict.ticket.id = ticket_id
            self._note_untold(verdict.ticket, verdict.ticket.costs)
        return verdict

    def _settle_soon(self, ticket: Ticket, tokens: int) -> None:
        """A ticket that Redis does not know may have a slot there, by its renewal."""
        chosen, arguments = [], [ticket.id, ticket.shared_at_ms or 0]
        for ceiling, cost in zip(ticket.ceilings, ticket.costs, strict=True):
            is_known = ceiling.is_tokens and ticket.shared_at_ms is not None
            if ceiling.kind == "slots" or is_known:
                chosen.append(ceiling)
                arguments += (ceiling.kind, ceiling.span_ms, tokens - cost)
        if chosen:
            self._link.tell(self._settle.command(self._keys(chosen), arguments))

    def _return_or_renew(self) -> None:
        if self._was_away:
            self._come_back()
        else:
            self._renew_there(self._own.running())

    def _come_back(self) -> None:
        """Redis was away: what runs gets its slots there, what was taken here is told."""
        self._was_away = False
        try:
            self._renew_there(self._own.running())
            for begin in range(0, len(self._untold), MOST_TOLD):
                self._tell_some(list(self._untold.items())[begin : begin + MOST_TOLD])
        except BaseException:
            self._was_away = True
            raise
        self._untold = {key: window for key, window in self._untold.items() if not window.is_told}

    def _tell_some(self, windows: list[tuple[str, _Untold]]) -> None:
        commands = []
        for name, window in windows:
            key = self._link.prefix + name
            told = f"{key}:told:{self._name}:{window.number}"
            window.telling = window.used()
            commands.append(self._tell.command([key, told], [window.telling, window.span_ms]))
        self._link.line.ask(*commands)
        for _, window in windows:
            window.is_told = window.telling == window.used()

    def _note_untold(self, ticket: Ticket, amounts: Sequence[int]) -> None:
        """Redis is to be told of ``amounts``, when it is back."""
        for ceiling, amount in zip(ticket.ceilings, amounts, strict=True):
            if ceiling.kind != "window":
                continue
            window = self._untold.get(ceiling.key)
            if window is None:
                window = self._untold[ceiling.key] = _Untold(next(self._numbers), ceiling.span_ms)
            window.add(amount)

    def _correct_untold(self, ticket: Ticket, tokens: int) -> None:
        """A request that Redis was not told of yet took another number of tokens."""
        for ceiling, cost in zip(ticket.ceilings, ticket.costs, strict=True):
            window = self._untold.get(ceiling.key)
            if ceiling.is_tokens and window is not None:
                window.add(tokens - cost)

    def _forget_untold(self) -> None:
        """Redis is still away: what is older than its window is nothing to tell any more."""
        self._untold = {key: window for key, window in self._untold.items() if window.used()}

    def _renew_there(self, running: Leases) -> None:
        """A request may have ended while we renewed it: its lease is taken back again."""
        for keys, leases in _portions(running):
            arguments: list[Any] = [self._name, self._lease_ms]
            for key in keys:
                arguments += (len(leases[key]), *(ticket.id for ticket in leases[key]))
            names = [self._link.prefix + key for key in ("limits:processes", *keys)]
            self._processes = max(self._link.processes, self._renew(names, arguments))
            for key in keys:
                for ticket in leases[key]:
                    if not self._own.is_running(key, ticket):
                        self._link.redis.zrem(self._link.prefix + key, ticket.id)

    def _keys(self, ceilings: Sequence[Ceiling]) -> list[str]:
        prefix = self._link.prefix
        return [prefix + ceiling.key for ceiling in ceilings]


def _portions(running: Leases) -> Iterator[tuple[list[str], Leases]]:
    """Slots with their leases, so many at a time that Redis is not held up; at least one portion,
    which says that this process is there."""
    portion: dict[str, list[Ticket]] = {}
    room = MOST_LEASES
    for key, tickets in running.items():
        for begin in range(0, len(tickets), MOST_LEASES):
            some = tickets[begin : begin + MOST_LEASES]
            if portion and (len(some) > room or key in portion):
                yield list(portion), portion
                portion, room = {}, MOST_LEASES
            portion[key] = some
            room -= len(some)
    yield list(portion), portion
