"""What observability needs from others; ``wiring`` fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A registered model, by the names that people gave it."""

    id: str
    alias: str
    display_name: str
    model_def_key: str
    provider: str


class Names(Protocol):
    """Answered by ``router`` and ``ai``; ids that are gone are left out."""

    def routers(self, org_id: str, ids: set[str]) -> Mapping[str, str]: ...
    def models(self, org_id: str, ids: set[str]) -> Mapping[str, ModelRef]: ...


def nothing_wrong() -> str:
    return ""


def never() -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Ports:
    """``redis_problem``: what is wrong with Redis now, empty if nothing or if none is used.

    ``times_degraded``: how often the store answered without Redis, in this process.
    """

    names: Names
    redis_problem: Callable[[], str] = nothing_wrong
    times_degraded: Callable[[], int] = never
