"""What the router needs from others; ``wiring`` fills it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hyperstrate.shared.chat import ChatRequest, ChatResult
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.inference import Cancellation, ModelCard
from hyperstrate.shared.store import Store


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
