"""What auth's services work with while the application runs."""

from __future__ import annotations

from dataclasses import dataclass

from hyperstrate.auth.ports import Routers
from hyperstrate.auth.throttle import Throttle
from hyperstrate.auth.tokens import Tokens
from hyperstrate.config import Config

_runtime: Runtime | None = None


@dataclass(frozen=True, slots=True)
class Runtime:
    """Made once, by ``auth.register``."""

    config: Config
    routers: Routers
    throttle: Throttle
    tokens: Tokens


def use(present: Runtime) -> None:
    """Work with ``present`` from now on."""
    global _runtime
    _runtime = present


def runtime() -> Runtime:
    """What ``auth.register`` made."""
    assert _runtime is not None, "auth.register was not called"
    return _runtime
