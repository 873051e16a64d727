"""A router as it runs: frozen, cached, its stages built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hyperstrate.router.stage import Exchange, Stage, Target


@dataclass(frozen=True)
class Plan:
    """A router as it runs. ``router_id`` is empty for a direct call to a model."""

    org_id: str
    router_id: str
    name: str
    status: str
    targets: tuple[Target, ...]
    strategy: Callable[[Exchange], list[Target]]
    strategy_name: str
    stages: tuple[Stage[Any], ...] = ()
    prompt: str = ""
    store_payloads: bool = False
    team_ids: frozenset[str] = frozenset()
