"""The interceptors by name; they run in the order that the router's admin gave them."""

from __future__ import annotations

from typing import Any

from hyperstrate.router.interceptors.content_filter import ContentFilter
from hyperstrate.router.interceptors.team_budget import TeamBudget
from hyperstrate.router.stage import Stage

INTERCEPTORS: dict[str, type[Stage[Any]]] = {
    kind.name: kind for kind in (ContentFilter, TeamBudget)
}
