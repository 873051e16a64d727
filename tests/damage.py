"""Damage for whatever reads JSON: a sound value with one place replaced by anything at all."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=3),
    lambda it: st.lists(it, max_size=2) | st.dictionaries(st.text(max_size=3), it, max_size=2),
    max_leaves=3,
)


@st.composite
def damaged(draw: st.DrawFn, sound: Any) -> Any:
    """``sound`` with one of its places replaced."""
    if not isinstance(sound, dict | list) or not sound or draw(st.integers(0, 9)) == 0:
        return draw(ANYTHING)
    if isinstance(sound, dict):
        key = draw(st.sampled_from(sorted(sound)))
        return {**sound, key: draw(damaged(sound[key]))}
    place = draw(st.integers(0, len(sound) - 1))
    return [*sound[:place], draw(damaged(sound[place])), *sound[place + 1 :]]
