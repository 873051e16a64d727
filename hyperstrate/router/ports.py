"""What the router needs from others; ``wiring`` fills it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from hyperstrate.shared.addresses import AddressRules
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

        The result carries usage and what was dropped. Raises ProviderError.
        """

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

    def names(self, org_id: str) -> Mapping[str, str]:
        """id -> name of all prompts, by name."""


class Teams(Protocol):
    """Answered by ``auth``."""

    def exists(self, org_id: str, team_id: str) -> bool: ...

    def names(self, org_id: str) -> Mapping[str, str]:
        """id -> name of all teams, by name."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A registered model as a page offers it; ``provider`` is written for people."""

    id: str
    name: str
    definition_key: str
    provider: str
    is_ready: bool


class Models(Protocol):
    """Answered by ``ai``: the models that a target may have."""

    def choices(self, org_id: str) -> Sequence[ModelChoice]:
        """All registered models, by name."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened on a router in some days; no percentile without a timed request."""

    requests: int = 0
    errors: int = 0
    cost_usd: Decimal = Decimal(0)
    p95_latency_ms: int | None = None


class RouterFigures(Protocol):
    """Answered by ``observability``."""

    def by_router(
        self, org_id: str, days: int, router_ids: Collection[str]
    ) -> Mapping[str, Figures]:
        """The figures of the last ``days``; a router without requests is left out."""


@dataclass(frozen=True, slots=True)
class Ports:
    """``rules``: which addresses webhooks may have."""

    inference: Inference
    identities: Identities
    prompts: PromptLoader
    teams: Teams
    models: Models
    figures: RouterFigures
    store: Store
    rules: AddressRules = field(default_factory=lambda: AddressRules(()))
