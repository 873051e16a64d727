"""An exchange with simple values, and calls to targets that answer or fail as they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from hyperstrate.events import RoutedInference, routed_inference
from hyperstrate.router.stage import Exchange, Plan, Stage, Target
from hyperstrate.router.strategies import STRATEGIES
from hyperstrate.shared.chat import (
    ChatRequest,
    ChatResult,
    Chunk,
    Conversation,
    Dialect,
    Json,
    Message,
    Text,
    Usage,
)
from hyperstrate.shared.errors import ProviderError, ProviderErrorKind
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.inference import Cancellation, ModelCard
from hyperstrate.shared.store import MemoryStore, Store

MakeExchange = Callable[..., Exchange]


def make_target(name: str = "one", **values: Any) -> Target:
    """A target ``tgt_<name>`` of the model ``mdl_<name>``."""
    card = ModelCard(
        model_id=f"mdl_{name}",
        definition_key=f"openai.{name}",
        provider="OPENAI",
        upstream_model=name,
        display_name=name,
        dialects=frozenset({Dialect.OPENAI_CHAT}),
        price=lambda usage: Decimal(usage.input_tokens + usage.output_tokens),
        price_version="1",
    )
    return Target(id=f"tgt_{name}", model=card, **values)


def make_plan(
    targets: Sequence[Target] | None = None,
    *,
    strategy: str = "failover",
    stages: Sequence[Stage[Any]] = (),
    **values: Any,
) -> Plan:
    """The router ``rtr_1`` of ``org_1``, by default with the targets one and two."""
    chosen = (make_target("one"), make_target("two")) if targets is None else tuple(targets)
    given = {"org_id": "org_1", "router_id": "rtr_1", "name": "support", "status": "active"}
    return Plan(
        **{**given, **values},
        targets=chosen,
        strategy=STRATEGIES[strategy],
        strategy_name=strategy,
        stages=tuple(stages),
    )


def make_chat(
    prompt: str = "Hello", *, dialect: Dialect = Dialect.OPENAI_CHAT, **body: Any
) -> ChatRequest:
    """A chat that says ``prompt``; ``body`` adds fields or replaces the messages."""
    whole: Json = {"model": "support", "messages": [{"role": "user", "content": prompt}], **body}
    return ChatRequest(dialect, whole, _parse, stream=bool(whole.get("stream")))


def _parse(body: Json) -> Conversation:
    return Conversation(
        [Message(message["role"], [Text(message["content"])]) for message in body["messages"]]
    )


def answer(text: str = "Good day", **values: Any) -> ChatResult:
    """A whole answer."""
    given = {"finish_reason": "stop", "usage": Usage(10, 5), "model": "one", "parts": [Text(text)]}
    return ChatResult(Dialect.OPENAI_CHAT, **{**given, **values})


def failure(kind: ProviderErrorKind = "server_error", **values: Any) -> ProviderError:
    return ProviderError(f"the provider said {kind}", kind=kind, **values)


class Attempts:
    """Calls to targets: each takes the next outcome, the last stands; ``called`` are their ids."""

    def __init__(self, *outcomes: ChatResult | ProviderError) -> None:
        self._outcomes = list(outcomes)
        self.called: list[str] = []

    def __call__(self, target: Target) -> ChatResult:
        self.called.append(target.id)
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if isinstance(outcome, ProviderError):
            raise outcome
        return outcome


class Stream:
    """A stream that gives what it is given, then fails if told so."""

    def __init__(self, *chunks: Chunk, then: ProviderError | None = None) -> None:
        self._chunks = list(chunks)
        self._then = then
        self.is_ready = False
        self.is_closed = False

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        if self._chunks:
            return self._chunks.pop(0)
        if self._then:
            raise self._then
        raise StopIteration

    def close(self) -> None:
        self.is_closed = True


class FakeInference:
    """Answers from a list, the last one again and again."""

    def __init__(self, *outcomes: ChatResult | ProviderError) -> None:
        self.outcomes = list(outcomes)
        self.called: list[str] = []
        self.asked: list[ChatRequest] = []

    def card(self, org_id: str, model_id: str) -> ModelCard:
        return make_target(model_id).model

    def send(
        self, org_id: str, model_id: str, chat: ChatRequest, cancellation: Cancellation
    ) -> ChatResult:
        self.called.append(model_id)
        self.asked.append(chat)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, ProviderError):
            raise outcome
        outcome.has_usage = outcome.usage != Usage()
        return outcome

    def estimate_tokens(self, text: str) -> int:
        return len(text.split())


@pytest.fixture
def events() -> Iterator[list[RoutedInference]]:
    """What was told of the requests of this test."""
    seen: list[RoutedInference] = []
    listener = seen.append
    routed_inference.connect(listener)
    yield seen
    routed_inference.disconnect(listener)


@pytest.fixture
def store() -> Store:
    return MemoryStore()


@pytest.fixture
def make_exchange(store: Store) -> MakeExchange:
    """``make_exchange(plan=..., chat=..., ...)``: whatever is left out is simple."""
    fixture_store = store

    def make(
        plan: Plan | None = None,
        chat: ChatRequest | None = None,
        store: Store | None = None,
        caller: Caller | None = None,
        **values: Any,
    ) -> Exchange:
        chosen = plan or make_plan()
        return Exchange(
            id=new_id("req"),
            plan=chosen,
            caller=caller or Caller(chosen.org_id, "api_key", key_id="key_1"),
            chat=chat or make_chat(),
            store=store or fixture_store,
            cancellation=Cancellation(),
            **{"targets": list(chosen.targets), **values},
        )

    return make
