"""What the router needs from others; ``wiring`` fills it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from hyperstrate.shared.chat import ChatRequest, ChatResult, Dialect
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.store import Store


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A registered model, as routing sees it. ``dialects``: the wires its provider speaks."""

    model_id: str
    definition_key: str
    provider: str
    upstream_model: str
    display_name: str
    dialects: frozenset[Dialect]
    capabilities: frozenset[str]
    is_configured: bool
    input_price_per_1m: Decimal
    output_price_per_1m: Decimal


class Cancellation(Protocol):
    """The caller may go away: what must happen then."""

    @property
    def is_cancelled(self) -> bool: ...
    def add(self, action: Callable[[], None]) -> None:
        """Run ``action`` when the caller goes; at once when it is gone already."""

    def remove(self, action: Callable[[], None]) -> None: ...


class Inference(Protocol):
    """Answered by ``ai``: the registered models of an organisation, and calls to them."""

    def card(self, org_id: str, model_id: str) -> ModelCard:
        """Raises NotFound."""

    def send(
        self, org_id: str, model_id: str, chat: ChatRequest, cancellation: Cancellation
    ) -> ChatResult:
        """Call the model. With ``chat.stream`` the result has its ``stream``, not yet read.

        The result carries usage, cost and what was dropped. Raises ProviderError.
        """

    def price(self, org_id: str, model_id: str, result: ChatResult) -> None:
        """Fill ``cost_usd`` and ``price_version`` from ``result.usage``, for ended streams."""

    def estimate_tokens(self, text: str) -> int:
        """About how many tokens ``text`` has, when the provider did not say."""


class Identities(Protocol):
    """Answered by ``auth``: who owns a key or token."""

    def from_credential(self, credential: str) -> Caller:
        """Raises Unauthorized."""


class PromptLoader(Protocol):
    """Answered by ``prompts``."""

    def load(self, org_id: str, prompt_id: str) -> str:
        """The prompt's text. Raises NotFound."""


class Teams(Protocol):
    """Answered by ``auth``."""

    def exists(self, org_id: str, team_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Ports:
    inference: Inference
    identities: Identities
    prompts: PromptLoader
    teams: Teams
    store: Store
