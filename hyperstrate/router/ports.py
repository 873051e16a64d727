"""What the router needs from others; ``wiring`` fills it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.chat import ChatRequest, ChatResult
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.inference import Cancellation, ModelCard
from hyperstrate.shared.rates import Expected, Rates
from hyperstrate.shared.scopes import Scopes
from hyperstrate.shared.spending import BudgetState, Reservation, Share, Worst
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


class Spending(Protocol):
    """Answered by ``auth``: the budgets that a call must fit into."""

    def reserve(
        self,
        scopes: Scopes,
        worst: Callable[[], Worst],
        *,
        at: float,
        is_first: bool,
        is_overflow: bool = False,
    ) -> Reservation:
        """Hold the worst case before a call. ``is_first``: of its request.

        ``is_overflow``: it is made because a budget had no room for another call. Raises
        PaymentRequired.
        """

    def settle(self, reservation: Reservation, cost_usd: Decimal, tokens: int) -> None:
        """The call took so much."""


class Unbounded:
    """There are no budgets."""

    def reserve(
        self,
        scopes: Scopes,
        worst: Callable[[], Worst],
        *,
        at: float,
        is_first: bool,
        is_overflow: bool = False,
    ) -> Reservation:
        return Reservation(new_id("att"), at)

    def settle(self, reservation: Reservation, cost_usd: Decimal, tokens: int) -> None: ...


class Shares(Protocol):
    """Answered by ``auth``: the teams' shares of a router, counted like budgets."""

    def keep(self, org_id: str, router_id: str, shares: Mapping[str, Share]) -> None:
        """These teams have these shares of the router, by team id, and no others do.

        Raises NotFound.
        """


class Hold(Protocol):
    """What a request took of its limits, until it is over."""

    @property
    def rates(self) -> Rates:
        """What is left."""

    def settle(self, tokens: int) -> None:
        """The request is over and took so many tokens: it is under way no longer. Once."""


class Limits(Protocol):
    """Answered by ``auth``: how much at a time everybody may have whom a request concerns."""

    def take(self, scopes: Scopes, expected: Callable[[], Expected]) -> Hold | None:
        """Take what the request needs of every limit, or nothing; None where there is none.

        ``expected`` is asked where tokens are limited. Raises TooManyRequests.
        """


class Unlimited:
    """There are no limits."""

    def take(self, scopes: Scopes, expected: Callable[[], Expected]) -> Hold | None:
        return None


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
class Delivery:
    """One try to tell a router's webhook of an event.

    ``status_code`` is 0 without an answer; ``request_id`` the log that it is about, if any.
    """

    event: str
    at: datetime
    status_code: int
    is_success: bool
    error: str = ""
    attempt: int = 1
    request_id: str = ""


class Deliveries(Protocol):
    """Answered by ``observability``: what was sent to the webhooks of routers."""

    def newest(self, org_id: str, router_id: str, limit: int) -> Sequence[Delivery]: ...

    def send_test(self, org_id: str, router_id: str) -> Delivery:
        """Send a test now, once; opens its own units of work. Raises NotFound without a webhook."""


class Allowances(Protocol):
    """Answered by ``auth``: what every call of a router has to fit into."""

    def budgets(self, org_id: str, router_id: str) -> Sequence[BudgetState]:
        """Of its organisation and its own, with its teams' shares."""

    def limits(self, org_id: str, router_id: str) -> Mapping[str, Sequence[str]]:
        """Kind of scope -> its limits in words; of its organisation and its own."""


class Boundless:
    """There are no budgets and no limits."""

    def budgets(self, org_id: str, router_id: str) -> Sequence[BudgetState]:
        return ()

    def limits(self, org_id: str, router_id: str) -> Mapping[str, Sequence[str]]:
        return {}


@dataclass(frozen=True, slots=True)
class Ports:
    """``rules``: which addresses webhooks may have."""

    inference: Inference
    identities: Identities
    prompts: PromptLoader
    teams: Teams
    models: Models
    figures: RouterFigures
    deliveries: Deliveries
    shares: Shares
    store: Store
    spending: Spending = field(default_factory=Unbounded)
    limits: Limits = field(default_factory=Unlimited)
    allowances: Allowances = field(default_factory=Boundless)
    rules: AddressRules = field(default_factory=lambda: AddressRules(()))
