"""Says what gevent could not replace: ``python -m tests.server.loaded_early``, a fresh process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module

from gevent import monkey

import hyperstrate.app  # noqa: F401 - as gunicorn's own process loads it, unpatched

PATCHED = ("os", "queue", "select", "signal", "socket", "ssl", "subprocess", "threading", "time")


def kept_by_name() -> Iterator[str]:
    """Names in our modules for what gevent has replaced meanwhile, and what is made of it."""
    replaced = dict(_replaced())
    for module in [
        module for name, module in sys.modules.items() if name.startswith("hyperstrate")
    ]:
        for name, value in vars(module).items():
            origins = value.__mro__ if isinstance(value, type) else (value, type(value))
            for origin in origins:
                if id(origin) in replaced:
                    yield f"{module.__name__}.{name}: {replaced[id(origin)]}"


def _replaced() -> Iterator[tuple[int, str]]:
    for module in PATCHED:
        for name, present in vars(import_module(module)).items():
            original = monkey.get_original(module, name)
            if callable(present) and original is not present:
                yield id(original), f"{module}.{name}"


if __name__ == "__main__":
    monkey.patch_all()
    sys.stdout.write("\n".join(kept_by_name()))
