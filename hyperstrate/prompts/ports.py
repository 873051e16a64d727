"""What prompts needs from others; ``wiring`` fills it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Routers(Protocol):
    """Answered by ``router``: who uses a prompt."""

    def with_prompt(self, org_id: str, prompt_id: str) -> Sequence[str]:
        """The names of the routers that use it, themselves or for a target; by name."""


@dataclass(frozen=True, slots=True)
class Ports:
    routers: Routers
