"""What a Claude model takes of sampling, thinking and structured output, told from its name."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NEW_STYLE = re.compile(r"claude-[a-z]+-(\d+)(?:[-.](\d{1,2}))?(?!\d)")
_OLD_STYLE = re.compile(r"claude-(\d+)(?:[-.](\d{1,2}))?(?!\d)")
_NEWEST = (99, 0)
_STRANGER = (0, 0)


@dataclass(frozen=True, slots=True)
class Abilities:
    """Anthropic's migration guides are the source.

    ``thinks`` (from 3.7). ``is_adaptive``: by effort, not by a budget (from 4.6). ``has_xhigh``:
    the effort between high and max (from 4.7). ``has_sampling``: it takes temperature, top_p and
    top_k (until 4.6); ``takes_both``: temperature and top_p at once (until 4.0). ``has_schemas``:
    ``output_config.format`` and strict tools (from 4.5, and Opus 4.1).
    """

    thinks: bool
    is_adaptive: bool
    has_xhigh: bool
    has_sampling: bool
    takes_both: bool
    has_schemas: bool


def abilities_of(model: str) -> Abilities:
    """A Claude without a readable version is taken for a new one, any other model for an old."""
    version = _version(model)
    return Abilities(
        thinks=version >= (3, 7) or version == _STRANGER,
        is_adaptive=version >= (4, 6),
        has_xhigh=version >= (4, 7),
        has_sampling=version < (4, 7),
        takes_both=version < (4, 1),
        has_schemas=version >= (4, 5) or "opus-4-1" in model,
    )


def _version(model: str) -> tuple[int, int]:
    found = _NEW_STYLE.search(model) or _OLD_STYLE.search(model)
    if found:
        return int(found[1]), int(found[2] or 0)
    return _NEWEST if "claude" in model else _STRANGER
