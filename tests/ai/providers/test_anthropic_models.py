from __future__ import annotations

import pytest

from hyperstrate.ai.providers.anthropic_models import abilities_of

OLD, MIDDLE, NEW = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8"


@pytest.mark.parametrize(
    ("name", "is_adaptive", "has_sampling", "thinks"),
    [
        ("claude-3-5-sonnet-20241022", False, True, False),
        ("claude-3-7-sonnet-20250219", False, True, True),
        ("claude-sonnet-4-20250514", False, True, True),
        ("claude-haiku-4-5-20251001", False, True, True),
        ("claude-opus-4-6", True, True, True),
        ("claude-opus-4.7", True, False, True),
        ("claude-sonnet-5", True, False, True),
        ("anthropic/claude-opus-5-5", True, False, True),
        ("claude-mythos-preview", True, False, True),
        ("kimi-k2", False, True, True),
    ],
)
def test_abilities_are_told_from_the_name(
    name: str, is_adaptive: bool, has_sampling: bool, thinks: bool
) -> None:
    abilities = abilities_of(name)

    assert abilities.is_adaptive is is_adaptive
    assert abilities.has_sampling is has_sampling
    assert abilities.thinks is thinks
