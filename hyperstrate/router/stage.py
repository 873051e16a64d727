"""What a pipeline is made of: a plan with its stages and targets, and the exchange they work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from hyperstrate.events import AttemptMade
from hyperstrate.router.ports import Hold, Limits, Spending, Unbounded, Unlimited
from hyperstrate.shared.chat import ChatRequest, ChatResult, Chunk
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.inference import Cancellation, ModelCard
from hyperstrate.shared.scopes import Scopes
from hyperstrate.shared.store import Store

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Target:
    """A model that a router may choose. A lower ``priority`` is tried earlier.

    ``is_overflow``: it takes the place of one that a budget had no room for.
    """

    id: str
    model: ModelCard
    weight: int = 1
    percentage: float = 0.0
    priority: int = 0
    prompt: str = ""
    is_overflow: bool = False


Attempt: TypeAlias = Callable[[Target], ChatResult]


@dataclass(slots=True)
class Step:
    """One line of the trace. Offsets and durations are milliseconds from the request's start."""

    phase: int
    kind: str
    name: str
    outcome: str
    detail: str
    offset_ms: float
    duration_ms: float
    attempts: int

    def as_json(self) -> dict[str, Any]:
        """The step in the API's words (PipelineStep)."""
        line: dict[str, Any] = {
            "phase": self.phase,
            "kind": self.kind,
            "name": self.name,
            "outcome": self.outcome,
            "durationMs": round(self.duration_ms, 3),
            "offsetMs": round(self.offset_ms, 3),
        }
        if self.detail:
            line["detail"] = self.detail
        if self.attempts:
            line["attempts"] = self.attempts
        return line


@dataclass(frozen=True)
class Plan:
    """A router as it runs. ``router_id`` is empty for a direct call to a model.

    ``team_ids``: the teams that may use it; empty: everybody of the organisation.
    """

    org_id: str
    router_id: str
    name: str
    status: str
    targets: tuple[Target, ...]
    strategy: Callable[[Exchange], list[Target]]
    strategy_name: str
    stages: tuple[Stage[Any], ...] = ()
    prompt: str = ""
    store_payloads: bool = False
    team_ids: frozenset[str] = frozenset()


@dataclass(slots=True)
class Exchange:
    """One request on its way through a router: what stages see and change.

    ``variables`` fill {{placeholders}} of prompts. ``targets`` are in the order to try them.
    ``target`` is the one whose answer was taken. ``waited_ms``: for providers, and for their
    Retry-After; ``begun_ms``: when a streamed answer began. ``session`` is what the client said
    of its agent session.
    """

    id: str
    plan: Plan
    caller: Caller
    chat: ChatRequest
    store: Store
    cancellation: Cancellation
    variables: dict[str, str] = field(default_factory=dict)
    bypass_cache: bool = False
    targets: list[Target] = field(default_factory=list)
    target: Target | None = None
    attempts: list[AttemptMade] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    cache_hit_type: str = ""
    session: Mapping[str, Any] = field(default_factory=dict)
    memory: dict[object, Any] = field(default_factory=dict)
    spending: Spending = field(default_factory=Unbounded)
    limits: Limits = field(default_factory=Unlimited)
    hold: Hold | None = None
    waited_ms: float = 0.0
    begun_ms: float | None = None
    started: float = field(default_factory=perf_counter)

    @property
    def org_id(self) -> str:
        return self.plan.org_id

    @property
    def scopes(self) -> Scopes:
        """Whose limits and budgets it falls under."""
        caller = self.caller
        return Scopes(
            self.plan.org_id,
            team=caller.team_ids[0] if caller.team_ids else "",
            router=self.plan.router_id,
            api_key=caller.api_key_id,
            virtual_key=caller.virtual_key_id,
        )

    @property
    def scope(self) -> str:
        """The prefix of everything that a stage keeps in the store: tenant, then router."""
        return f"{self.plan.org_id}:{self.plan.router_id}"

    def elapsed_ms(self) -> float:
        return (perf_counter() - self.started) * 1000

    def overhead_ms(self) -> float:
        """What the gateway itself took, until the answer or its first chunk."""
        until = self.elapsed_ms() if self.begun_ms is None else self.begun_ms
        return max(0.0, until - self.waited_ms)

    def step(
        self,
        kind: str,
        name: str,
        outcome: str,
        *,
        phase: int,
        detail: str = "",
        since_ms: float | None = None,
        attempts: int = 0,
    ) -> None:
        """Write a line of the trace; ``since_ms`` is when the step began, now if left out."""
        end = self.elapsed_ms()
        begin = end if since_ms is None else since_ms
        self.steps.append(Step(phase, kind, name, outcome, detail, begin, end - begin, attempts))


class Stage(Generic[C]):
    """One feature of a pipeline: some of four moments. It sees no wire, no Flask, no database.

    ``name`` is the one in the database and equals the file's. A guardrail also judges requests
    that a stage before it has answered, and their answers.
    """

    name: ClassVar[str]
    Config: ClassVar[type[Any]]
    is_guardrail: ClassVar[bool] = False

    def __init__(self, config: C) -> None:
        self.config = config

    def before(self, exchange: Exchange) -> ChatResult | None:
        """Check or change the request. A result answers it and skips the rest; an error refuses."""
        return None

    def around(self, exchange: Exchange, target: Target, attempt: Attempt) -> ChatResult:
        """Make the call, perhaps more than once, perhaps elsewhere."""
        return attempt(target)

    def during(self, exchange: Exchange, chunk: Chunk) -> Chunk | None:
        """A chunk of a stream passes: let it, change it, or hold it back with None."""
        return chunk

    def after(self, exchange: Exchange, result: ChatResult) -> None:
        """Account, judge or mask the answer; for a stream, once its last chunk has come."""


def moments(stages: Sequence[Stage[Any]], name: str) -> list[Stage[Any]]:
    """The stages that have something to do at the moment ``name``."""
    idle = getattr(Stage, name)
    return [stage for stage in stages if getattr(type(stage), name) is not idle]
