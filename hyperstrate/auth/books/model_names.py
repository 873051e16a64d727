"""One name for a model, however its provider, a bill and its registration spell it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hyperstrate.auth.ports import ModelNames

_IN_BRACKETS = re.compile(r"\(.*?\)")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_DATED = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest)$")


class OneName:
    """Names of models, by what they have in common."""

    def __init__(self, models: Sequence[ModelNames]) -> None:
        """A name in use comes before what else a model is called."""
        self._known: dict[str, str] = {}
        for model in models:
            self._known.setdefault(plain(model.names[0]), model.names[0])
        for model in models:
            for name in model.names[1:]:
                self._known.setdefault(plain(name), self._known[plain(model.names[0])])

    def of(self, name: str) -> str:
        """The name in use for ``name``; of a model that is not known, the first that was asked."""
        return self._known.setdefault(plain(name), name)


def plain(name: str) -> str:
    """GPT-4.1, openai/gpt-4.1 and gpt-4.1-2025-04-14 are one: without owner, date and spelling."""
    own = _IN_BRACKETS.sub("", name.lower()).rpartition("/")[2]
    return _DATED.sub("", _BETWEEN_WORDS.sub("-", own).strip("-"))
