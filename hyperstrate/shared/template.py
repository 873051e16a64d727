"""Templates: ``{{word}}`` in a text stands for a variable."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_BRACES = re.compile(r"\{\{(?:(\w+)\}\})?")
_SHOWN = 24


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """``text`` with its placeholders filled; those without a variable stay as they are."""
    if "{{" not in text:
        return text
    return _PLACEHOLDER.sub(lambda found: variables.get(found[1], found[0]), text)


def extract_variables(text: str) -> list[str]:
    """The names in ``text``, each once, in the order in which they first stand there."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(text)))


def check(text: str) -> str | None:
    """What is wrong with the template ``text``, if something is."""
    for found in _BRACES.finditer(text):
        if found[1] is None:
            shown = text[found.start() : found.start() + _SHOWN].split("\n")[0]
            return (
                f"broken placeholder at character {found.start() + 1}: {shown!r};"
                " write {{name}} with letters, digits and underscores"
            )
    return None
