"""What a registered model is to those who call it, and how a call is given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from hyperstrate.shared.chat import Dialect, Usage


def free(_usage: Usage) -> Decimal:
    """The price of a model that has none."""
    return Decimal(0)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A registered model, as routing sees it. ``dialects``: the wires its provider speaks.

    ``price`` gives what usage costs in USD, at the prices of ``price_version``.
    """

    model_id: str
    definition_key: str
    provider: str
    upstream_model: str
    display_name: str
    dialects: frozenset[Dialect]
    capabilities: frozenset[str] = frozenset()
    is_configured: bool = True
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_price_per_1m: Decimal = Decimal(0)
    output_price_per_1m: Decimal = Decimal(0)
    price: Callable[[Usage], Decimal] = field(default=free, repr=False, compare=False)
    price_version: str = ""

    @property
    def names(self) -> tuple[str, str, str]:
        """What the rules of a key may call it: in the catalog, at its provider, and here."""
        return self.definition_key, self.upstream_model, self.display_name


@dataclass(slots=True)
class Cancellation:
    """The caller may go away at any moment: what must happen then."""

    is_cancelled: bool = False
    _actions: list[Callable[[], None]] = field(default_factory=list)

    def add(self, action: Callable[[], None]) -> None:
        """Run ``action`` when the caller goes; at once when it is gone already."""
        if self.is_cancelled:
            action()
        else:
            self._actions.append(action)

    def remove(self, action: Callable[[], None]) -> None:
        """Forget ``action``; nothing happens when it is not there."""
        if action in self._actions:
            self._actions.remove(action)

    def cancel(self) -> None:
        """The caller has gone."""
        self.is_cancelled = True
        while self._actions:
            self._actions.pop()()
