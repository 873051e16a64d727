"""What auth's services work with while the application runs."""

from __future__ import annotations

from dataclasses import dataclass

from hyperstrate.auth.books.spending import Spending
from hyperstrate.auth.people.throttle import Throttle
from hyperstrate.auth.people.tokens import Tokens
from hyperstrate.auth.ports import Logs, Models, Routers
from hyperstrate.auth.sso.web import Web
from hyperstrate.config import Config
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.store import Store

_runtime: Runtime | None = None


@dataclass(frozen=True, slots=True)
class Runtime:
    """Made once, by ``auth.register``."""

    config: Config
    routers: Routers
    throttle: Throttle
    tokens: Tokens
    store: Store
    rules: AddressRules
    web: Web
    spending: Spending
    logs: Logs
    models: Models


def use(present: Runtime) -> None:
    """Work with ``present`` from now on."""
    global _runtime
    _runtime = present


def runtime() -> Runtime:
    """What ``auth.register`` made."""
    assert _runtime is not None, "auth.register was not called"
    return _runtime
