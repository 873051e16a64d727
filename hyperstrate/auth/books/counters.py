"""What is used of each budget now: the ledger's sum, and the calls that it does not know yet.

A call is *open* from before it is made until the ledger has it: first with what it reserved, then
with what it really took. So nothing is missing at any moment; for a moment a call may count twice,
when the sum has it and it is still open. Sums carry the ledger's batch number: a newer one stands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple, Protocol

from hyperstrate.shared.locks import brief_lock


class Charge(NamedTuple):
    """What a call takes from one window. Without a ``limit`` it is counted and never refused."""

    window: str
    amount: int
    limit: int | None


class Used(NamedTuple):
    """What the ledger has of a window, and what is open."""

    settled: int
    open: int


class Refusal(NamedTuple):
    """The first window into which a call did not fit."""

    window: str
    used: int


class Sums(NamedTuple):
    """The ledger's sums of windows, at least up to batch ``number``."""

    number: int
    by_window: Mapping[str, int]


Load = Callable[[Collection[str]], Sums]


class Counters(Protocol):
    """Where calls are counted: this process's memory, or Redis for all processes."""

    def reserve(self, call_id: str, charges: Sequence[Charge]) -> Refusal | None:
        """Open a call in all its windows, or in none."""

    def settle(self, call_id: str, amounts: Mapping[str, int]) -> None:
        """The call took ``amounts``; a window that is left out keeps what was reserved."""

    def used(self, windows: Collection[str]) -> dict[str, Used]:
        """What is used of each window."""

    def tend(self) -> None:
        """What must happen all the time, twice a second."""


@dataclass(slots=True)
class OpenCall:
    """``is_shared``: Redis knows it, where there is one."""

    amounts: dict[str, int]
    is_settled: bool = False
    is_shared: bool = False
    touched: float = field(default_factory=monotonic)


# A sum that is older is asked for again: what a rolling window counts becomes less by itself.
FRESH_S = 60.0


@dataclass(slots=True)
class _Window:
    """``heard`` was used by all processes together, when ``open_then`` was open here."""

    settled: int = 0
    number: int = -1
    open: int = 0
    loaded: float = -FRESH_S
    heard: int = 0
    open_then: int = 0
    heard_at: float = -FRESH_S

    @property
    def is_known(self) -> bool:
        return self.number >= 0 and monotonic() - self.loaded < FRESH_S

    @property
    def is_heard(self) -> bool:
        return monotonic() - self.heard_at < FRESH_S

    @property
    def is_idle(self) -> bool:
        return not (self.open or self.is_known or self.is_heard)

    @property
    def since(self) -> int:
        """What was opened here since it was heard."""
        return self.open - self.open_then

    @property
    def used(self) -> int:
        """By all processes, as far as this one knows."""
        here = self.settled + self.open
        return max(here, self.heard + self.since) if self.is_heard else here

    def room(self, limit: int, share: int) -> int:
        """How much more may be opened here: one part in ``share`` of what was left at last."""
        room = (limit - self.settled) // share - self.open
        if self.is_heard:
            room = min(room, (limit - self.heard) // share - self.since)
        return room


class MemoryCounters:
    """The counters of a single process. ``recorded`` tells which calls the ledger has by now.

    ``share``: of what a hard limit leaves, this process may use one part in so many.
    """

    def __init__(
        self, load: Load, recorded: Callable[[Collection[str]], set[str]], *, share: int = 1
    ) -> None:
        self._load = load
        self._recorded = recorded
        self._share = share
        self._lock = brief_lock()
        self._windows: dict[str, _Window] = {}
        self.calls: dict[str, OpenCall] = {}

    def reserve(self, call_id: str, charges: Sequence[Charge]) -> Refusal | None:
        self._make_known([charge.window for charge in charges])
        with self._lock:
            for charge in charges:
                window = self._window(charge.window)
                if charge.limit is not None and charge.amount > window.room(
                    charge.limit, self._share
                ):
                    return Refusal(charge.window, window.used)
            self._open(call_id, charges)
        return None

    def settle(self, call_id: str, amounts: Mapping[str, int]) -> None:
        with self._lock:
            call = self.calls.get(call_id)
            if call is None:
                return
            for name, amount in amounts.items():
                self._window(name).open += amount - call.amounts.get(name, 0)
                call.amounts[name] = amount
            call.is_settled, call.touched = True, monotonic()

    def used(self, windows: Collection[str]) -> dict[str, Used]:
        self._make_known(windows)
        with self._lock:
            found = {name: self._window(name) for name in windows}
            return {name: Used(window.settled, window.open) for name, window in found.items()}

    def tend(self) -> None:
        """Take over what the ledger has by now."""
        settled = [id_ for id_, call in list(self.calls.items()) if call.is_settled]
        recorded = self._recorded(settled) if settled else set()
        if active := self._active():
            self.take_over(self._load(active), recorded)
        self.forget_idle()

    def take_over(self, sums: Sums, recorded: Iterable[str]) -> None:
        """First the sums, then the calls that are in them."""
        with self._lock:
            for name, settled in sums.by_window.items():
                window = self._windows.get(name)
                if window is not None and sums.number >= window.number:
                    window.settled, window.number = settled, sums.number
                    window.loaded = monotonic()
            for call_id in recorded:
                self._close(call_id)

    def open_here(
        self, call_id: str, charges: Sequence[Charge], used: Sequence[int], *, is_shared: bool
    ) -> None:
        """Count a call that was admitted elsewhere, where so much is ``used`` with it."""
        with self._lock:
            self._open(call_id, charges).is_shared = is_shared
            for charge, heard in zip(charges, used, strict=True):
                self._hear(charge.window, heard)

    def hear(self, window: str, used: int) -> None:
        """So much of a window is used by all processes together."""
        with self._lock:
            self._hear(window, used)

    def close(self, call_ids: Iterable[str]) -> None:
        """Forget calls that are counted elsewhere."""
        with self._lock:
            for call_id in call_ids:
                self._close(call_id)

    def _hear(self, name: str, used: int) -> None:
        window = self._window(name)
        window.heard, window.open_then, window.heard_at = used, window.open, monotonic()

    def _open(self, call_id: str, charges: Sequence[Charge]) -> OpenCall:
        call = OpenCall({charge.window: charge.amount for charge in charges})
        self.calls[call_id] = call
        for charge in charges:
            self._window(charge.window).open += charge.amount
        return call

    def _close(self, call_id: str) -> None:
        call = self.calls.pop(call_id, None)
        if call is None:
            return
        for name, amount in call.amounts.items():
            window = self._window(name)
            window.open -= amount
            window.open_then -= amount  # it is used all the same: what was heard stays true

    def _window(self, name: str) -> _Window:
        return self._windows.setdefault(name, _Window())

    def _make_known(self, names: Collection[str]) -> None:
        """Ask the ledger for windows of which nothing is known, or nothing new."""
        windows = self._windows
        if all(name in windows and windows[name].is_known for name in names):
            return
        sums = self._load(names)
        with self._lock:
            for name in names:
                self._window(name)
        self.take_over(sums, ())

    def _active(self) -> list[str]:
        """Windows with open calls: what the ledger has of them grows."""
        return [name for name, window in list(self._windows.items()) if window.open]

    def forget_idle(self) -> None:
        """Forget windows in which nothing happens."""
        with self._lock:
            for name, window in list(self._windows.items()):
                if window.is_idle:
                    del self._windows[name]
