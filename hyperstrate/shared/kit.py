"""What every template can call: the macros of templates/components as ``ui``, icons, assets."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

ICONS = "vendor/lucide-static-1.62.0"


class Kit:
    """The macros of all component files under one name, found when they are first used.

    A macro imported at the top of a page is not there when only a block of it is rendered;
    a global of the environment is.
    """

    def __init__(self, environment: Environment, icon: Callable[..., Markup]) -> None:
        self.icon = icon
        self._environment = environment
        self._files: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        if not self._files:
            self._files = self._find()
        if name not in self._files:
            raise AttributeError(f"templates/components has no macro {name}")
        return getattr(self._environment.get_template(self._files[name]).module, name)

    def _find(self) -> dict[str, str]:
        files: dict[str, str] = {}
        for template in self._environment.list_templates(["html"]):
            if not template.startswith("components/"):
                continue
            for name in vars(self._environment.get_template(template).module):
                if not name.startswith("_"):
                    files[name] = template
        return files


class Assets:
    """The files under static/, with addresses that change when their content does."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix
        self.icon = cache(self._icon)

    def url(self, name: str) -> str:
        path = self._folder / name
        return f"{self._prefix}/{name}?v={_fingerprint(path, path.stat().st_mtime_ns)}"

    def _icon(self, name: str, size: int = 16, label: str = "") -> Markup:
        """A Lucide icon, inlined; decoration unless it has a ``label``."""
        drawing = (self._folder / ICONS / f"{name}.svg").read_text(encoding="utf-8")
        shapes = re.sub(r"\s*\n\s*", "", drawing[drawing.index(">", drawing.index("<svg")) + 1 :])
        named = Markup('role="img" aria-label="{}"').format(label)
        meaning = named if label else Markup('aria-hidden="true"')
        frame = Markup(
            '<svg class="icon" {} width="{}" height="{}" viewBox="0 0 24 24" fill="none"'
            ' stroke="currentColor" stroke-width="2" stroke-linecap="round"'
            ' stroke-linejoin="round">'
        )
        return frame.format(meaning, size, size) + Markup(shapes)  # noqa: S704 a file of ours


@cache
def _fingerprint(path: Path, changed_ns: int) -> str:
    """The beginning of the file's hash, computed anew when the file has changed."""
    return sha256(path.read_bytes()).hexdigest()[:12]
