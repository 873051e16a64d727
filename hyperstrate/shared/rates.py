"""What a request is expected to take of limits, and how much of them its caller has left."""

from __future__ import annotations

from typing import NamedTuple


class Expected(NamedTuple):
    """Tokens, before the call: of the question, and of the answer."""

    input_tokens: int = 0
    output_tokens: int = 0


class Room(NamedTuple):
    """``limit`` and what is ``left`` of it; after ``reset_s`` all of it is there again."""

    limit: int
    left: int
    reset_s: float


class Rates(NamedTuple):
    """The tightest limit of requests and of tokens, where there is one.

    ``is_degraded``: Redis did not answer, and each process enforces its share.
    """

    requests: Room | None = None
    tokens: Room | None = None
    is_degraded: bool = False
