"""What ai needs from others; ``wiring`` fills it."""

from __future__ import annotations

from dataclasses import dataclass

from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Ports:
    """``rules``: which addresses may be called; the client of the request path has the same."""

    upstream: Upstream
    rules: AddressRules
