"""Keeps a flood of refusals small: of those that repeat within a minute one is kept, and a count.

What an actor can have refused in a minute is limited too, so that nobody fills the table by asking
for ever new things. Counted in this process; what is not yet kept when it ends is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace

from hyperstrate.shared.audit import Actor, Entry
from hyperstrate.shared.locks import brief_lock

WINDOW_S = 60
MOST_PER_ACTOR = 60


@dataclass(slots=True)
class _Seen:
    """The last of the same refusals, and how many came after the first."""

    last: Entry
    repeats: int = 0


class Repeats:
    """The refusals of the present minute."""

    def __init__(self) -> None:
        self._lock = brief_lock()
        self._minute = 0
        self._seen: dict[Hashable, _Seen] = {}
        self._per_actor: Counter[Hashable] = Counter()

    def admit(self, entry: Entry) -> list[Entry]:
        """What is to be kept now: counts of a minute that is over, and ``entry`` if it is new."""
        with self._lock:
            done = self._over(entry.at.timestamp())
            actor = (entry.actor.kind, entry.actor.id)
            key = _key(entry)
            if key not in self._seen and self._per_actor[actor] >= MOST_PER_ACTOR:
                entry = _any_of(entry)
                key = _key(entry)
            seen = self._seen.get(key)
            if seen is not None:
                seen.last, seen.repeats = entry, seen.repeats + 1
                return done
            self._per_actor[actor] += 1
            self._seen[key] = _Seen(entry)
            return [*done, entry]

    def over(self, at: float) -> list[Entry]:
        """The counts of a minute that is over at ``at`` (Unix seconds)."""
        if not self._seen or int(at // WINDOW_S) == self._minute:
            return []
        with self._lock:
            return self._over(at)

    def _over(self, at: float) -> list[Entry]:
        minute = int(at // WINDOW_S)
        if minute == self._minute:
            return []
        counts = [_count(seen) for seen in self._seen.values() if seen.repeats]
        self._minute = minute
        self._seen.clear()
        self._per_actor.clear()
        return counts


def _key(entry: Entry) -> Hashable:
    actor, what = entry.actor, entry.detail
    return (
        (entry.org_id, entry.action, entry.object_type, entry.object_id, entry.outcome),
        (actor.kind, actor.id, actor.address),
        (what.get("email"), what.get("route"), what.get("status"), what.get("is_rest")),
    )


def _any_of(entry: Entry) -> Entry:
    """One of the many other refusals of this actor, whatever it was about."""
    actor = entry.actor
    if actor.kind == "anonymous":
        actor = Actor("anonymous")
    detail = {"note": "more refusals than are kept one by one", "is_rest": True}
    return replace(entry, actor=actor, object_type="", object_id="", detail=detail)


def _count(seen: _Seen) -> Entry:
    return replace(seen.last, detail={**seen.last.detail, "repeats": seen.repeats})
