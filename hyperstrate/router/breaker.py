"""The circuit breaker of each target: one that keeps failing is left alone for a while.

Five failures in a row open it for 30 seconds; then one trial at a time; two good ones close it.
The state is shared through the store. Each process remembers what it saw there for half a second,
so that an ordinary request asks nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from cachetools import LRUCache

from hyperstrate.router.stage import Exchange, Target
from hyperstrate.shared.errors import ProviderError, ProviderErrorKind
from hyperstrate.shared.store import Store

FAILURES_TO_OPEN = 5
SUCCESSES_TO_CLOSE = 2
OPEN_S = 30.0
TRIAL_S = 30.0
LOOK_EVERY_S = 0.5
KEEP_S = 3600.0
COUNTED: frozenset[ProviderErrorKind] = frozenset(
    {"connection", "timeout", "server_error", "overloaded", "bad_answer", "incomplete"}
)


@dataclass(slots=True)
class _View:
    """A breaker as this process last saw it. ``until``: Unix seconds, 0 while it is closed."""

    key: str
    looked_at: float = 0.0
    failures: int = 0
    successes: int = 0
    until: float = 0.0
    trial_of: str = ""
    no_trial_until: float = 0.0

    @property
    def counter(self) -> str:
        return f"{self.key}:failures"

    @property
    def trial(self) -> str:
        return f"{self.key}:trial"

    def show(self, state: dict[str, Any]) -> None:
        self.failures = state.get("failures", 0)
        self.successes = state.get("successes", 0)
        self.until = state.get("until", 0.0)


class Breakers:
    """All breakers, as one process sees them."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._views: WeakKeyDictionary[Store, LRUCache[str, _View]] = WeakKeyDictionary()

    def order(self, exchange: Exchange, targets: Sequence[Target]) -> list[Target]:
        """The same targets; those whose breaker is open come last.

        One whose pause is over keeps the first place if this request may be its trial.
        """
        ready: list[Target] = []
        resting: list[Target] = []
        for target in targets:
            view = self._look(exchange, target)
            is_ready = not view.until or (not ready and self._may_try(exchange, view))
            (ready if is_ready else resting).append(target)
        return ready + resting

    def check(self, exchange: Exchange, target: Target) -> None:
        """Raises ProviderError of kind ``circuit_open`` when the target must not be called now."""
        view = self._look(exchange, target)
        if not view.until or self._may_try(exchange, view):
            return
        now = self._clock()
        raise ProviderError(
            "this target failed repeatedly and is left alone for a while",
            kind="circuit_open",
            retry_after_s=view.until - now if view.until > now else view.no_trial_until - now,
        )

    def record(self, exchange: Exchange, target: Target, error: ProviderError | None) -> None:
        """How a call to the target ended; what the client or a limit did does not count."""
        view = self._look(exchange, target)
        is_trial = view.trial_of == exchange.id
        if error is not None and error.kind in COUNTED:
            self._failed(exchange.store, view)
        elif is_trial:
            self._tried(exchange.store, view, is_good=error is None)
        elif error is None and view.failures:
            self._recovered(exchange.store, view)

    def release(self, exchange: Exchange, target: Target) -> None:
        """The target was not called after all: if this was to be its trial, another may be."""
        view = self._look(exchange, target)
        if view.trial_of == exchange.id:
            self._tried(exchange.store, view, is_good=False)

    def _look(self, exchange: Exchange, target: Target) -> _View:
        views = self._views.get(exchange.store)
        if views is None:
            views = self._views[exchange.store] = LRUCache(10_000)
        key = f"{exchange.org_id}:breaker:{target.id or target.model.model_id}"
        view = views.get(key)
        if view is None:
            view = views[key] = _View(key)
        now = self._clock()
        if now >= view.until and not 0 <= now - view.looked_at < LOOK_EVERY_S:
            view.looked_at = now
            view.show(_state(exchange.store, view))
        return view

    def _may_try(self, exchange: Exchange, view: _View) -> bool:
        """The pause is over, and no other request is trying the target."""
        now = self._clock()
        if now < view.until:
            return False
        if view.trial_of == exchange.id:
            return True
        if now < view.no_trial_until:
            return False
        taken = exchange.store.take(view.trial, rate=1 / TRIAL_S, burst=1)
        if not taken.is_allowed:
            view.no_trial_until = now + min(taken.retry_after_s, LOOK_EVERY_S)
            return False
        view.trial_of = exchange.id
        return True

    def _failed(self, store: Store, view: _View) -> None:
        """The counter stays while the breaker is open, so that one more failure opens it again."""
        now = self._clock()
        if view.until > now:
            return
        view.failures = store.increment(view.counter, ttl_s=KEEP_S)
        if view.failures >= FAILURES_TO_OPEN:
            view.show({"until": now + OPEN_S})
            view.trial_of = ""
            store.delete(view.trial)
        _share(store, view)

    def _tried(self, store: Store, view: _View, *, is_good: bool) -> None:
        """A trial did not fail: it was good, or said nothing about the target's health."""
        view.trial_of, view.no_trial_until = "", 0.0
        view.successes += is_good
        if view.successes >= SUCCESSES_TO_CLOSE:
            self._close(store, view)
        elif is_good:
            _share(store, view)
        store.delete(view.trial)

    def _recovered(self, store: Store, view: _View) -> None:
        """A good call among failures: unless others opened the breaker, they are forgotten."""
        view.show(_state(store, view))
        if not view.until:
            self._close(store, view)

    def _close(self, store: Store, view: _View) -> None:
        view.show({})
        store.delete(view.counter)
        store.delete(view.key)


def _state(store: Store, view: _View) -> dict[str, Any]:
    kept = store.get(view.key)
    state: dict[str, Any] = orjson.loads(kept) if kept else {}
    return state


def _share(store: Store, view: _View) -> None:
    state = {"failures": view.failures, "successes": view.successes, "until": view.until}
    store.set(view.key, orjson.dumps(state), ttl_s=KEEP_S)


_breakers = Breakers()
order = _breakers.order
check = _breakers.check
record = _breakers.record
release = _breakers.release
