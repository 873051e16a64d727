"""One call to a target: with its prompt, through its breaker, noted in the trace."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from hyperstrate.events import RoutedInference
from hyperstrate.router import breaker, pipeline
from hyperstrate.router.attempt import attempt
from hyperstrate.router.stage import Exchange, Stage
from hyperstrate.shared.chat import ChatResult, Chunk, Dialect, Usage, text_of
from hyperstrate.shared.errors import Blocked, PaymentRequired, ProviderError
from hyperstrate.shared.scopes import Scopes
from hyperstrate.shared.spending import Reservation, Worst
from tests.router.conftest import (
    FakeInference,
    MakeExchange,
    Stream,
    answer,
    failure,
    make_chat,
    make_plan,
    make_target,
)


def asked(inference: FakeInference) -> list[tuple[str, str]]:
    """Who said what in the last request."""
    messages = inference.asked[-1].conversation.messages
    return [(message.role, text_of(message.parts)) for message in messages]


def test_an_answer_names_its_target(make_exchange: MakeExchange) -> None:
    exchange, inference = make_exchange(), FakeInference(answer("Good day"))
    second = exchange.plan.targets[1]

    result = attempt(exchange, inference, second)

    assert result.text == "Good day"
    assert exchange.target is second
    assert inference.called == ["mdl_two"]
    assert exchange.attempts == []
    assert exchange.waited_ms > 0


def test_a_failure_is_noted_and_raised(make_exchange: MakeExchange) -> None:
    exchange = make_exchange()
    broken = failure("overloaded", code="overloaded_error")

    with pytest.raises(ProviderError):
        attempt(exchange, FakeInference(broken), exchange.plan.targets[0])

    (noted,) = exchange.attempts
    assert (noted.status, noted.error_code) == ("error", "overloaded_error")
    assert (noted.target_id, noted.model_id) == ("tgt_one", "mdl_one")
    assert (noted.usage, noted.cost_usd) == (Usage(), Decimal(0))
    (step,) = exchange.steps
    assert (step.kind, step.name, step.outcome) == ("inference", "Model Inference", "error")
    assert step.detail == "openai.one · overloaded_error · the provider said overloaded"
    assert exchange.target is None


def test_a_stream_is_read_up_to_its_first_word(make_exchange: MakeExchange) -> None:
    stream = Stream(Chunk(is_preamble=True), Chunk(text="Good"), Chunk(is_last=True))
    exchange = make_exchange(chat=make_chat(stream=True))

    result = attempt(
        exchange, FakeInference(ChatResult(Dialect.OPENAI_CHAT, stream=stream)), make_target()
    )

    assert [chunk.text for chunk in result.begun] == ["", "Good"]
    assert result.ttft_ms is not None
    assert result.stream is stream
    assert list(stream) == [Chunk(is_last=True)]


def test_a_stream_that_fails_before_its_first_word_is_a_failure(
    make_exchange: MakeExchange,
) -> None:
    stream = Stream(Chunk(is_preamble=True, usage=Usage(9, 0)), then=failure("connection"))
    exchange = make_exchange(chat=make_chat(stream=True))

    with pytest.raises(ProviderError):
        attempt(
            exchange, FakeInference(ChatResult(Dialect.OPENAI_CHAT, stream=stream)), make_target()
        )

    assert stream.is_closed
    assert exchange.attempts[0].usage == Usage(9, 0)
    assert exchange.attempts[0].cost_usd == 9


def test_an_open_breaker_makes_no_call(make_exchange: MakeExchange) -> None:
    target, inference = make_target("fragile"), FakeInference(failure("server_error"))
    for _ in range(breaker.FAILURES_TO_OPEN):
        with pytest.raises(ProviderError):
            attempt(make_exchange(), inference, target)

    with pytest.raises(ProviderError) as refused:
        attempt(make_exchange(), inference, target)

    assert refused.value.kind == "circuit_open"
    assert len(inference.called) == breaker.FAILURES_TO_OPEN


def test_who_has_gone_is_not_asked_for(make_exchange: MakeExchange) -> None:
    exchange, inference = make_exchange(), FakeInference(answer())
    exchange.cancellation.cancel()

    with pytest.raises(ProviderError) as refused:
        attempt(exchange, inference, make_target())

    assert refused.value.kind == "cancelled"
    assert inference.called == []


def test_the_routers_prompt_is_for_those_who_sent_none(make_exchange: MakeExchange) -> None:
    inference, plan = FakeInference(answer()), make_plan(prompt="Be {{tone}} and {{unknown}}")
    own = [{"role": "system", "content": "Mine"}, {"role": "user", "content": "Hello"}]

    attempt(make_exchange(plan, variables={"tone": "brief"}), inference, plan.targets[0])
    assert asked(inference) == [("system", "Be brief and {{unknown}}"), ("user", "Hello")]

    attempt(make_exchange(plan, chat=make_chat(messages=own)), inference, plan.targets[0])
    assert asked(inference) == [("system", "Mine"), ("user", "Hello")]


def test_a_targets_prompt_stands_before_all_others(make_exchange: MakeExchange) -> None:
    inference = FakeInference(answer())
    plan = make_plan([make_target(prompt="Of the target")], prompt="Of the router")
    own = [{"role": "system", "content": "Mine"}, {"role": "user", "content": "Hello"}]

    attempt(make_exchange(plan, chat=make_chat(messages=own)), inference, plan.targets[0])

    assert asked(inference) == [("system", "Of the target"), ("user", "Hello")]


def test_a_prompt_stays_with_its_target(make_exchange: MakeExchange) -> None:
    """The next one is asked what the client asked."""
    inference = FakeInference(answer())
    exchange = make_exchange(make_plan([make_target("a", prompt="First"), make_target("b")]))
    before = exchange.chat

    for target in exchange.plan.targets:
        attempt(exchange, inference, target)

    assert asked(inference) == [("user", "Hello")]
    assert exchange.chat is before
    assert not before.is_rewritten


def test_embeddings_have_no_prompt(make_exchange: MakeExchange) -> None:
    inference, plan = FakeInference(answer()), make_plan(prompt="Be brief")
    chat = make_chat()
    chat.operation = "embeddings"

    attempt(make_exchange(plan, chat=chat), inference, plan.targets[0])

    assert inference.asked[-1] is chat


class Till:
    """Notes what is held and settled; ``is_full``: there is no room."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.is_full = is_full
        self.held: list[Reservation] = []
        self.worst: list[Worst] = []
        self.firsts: list[bool] = []
        self.settled: list[tuple[str, Decimal, int]] = []

    def reserve(
        self,
        scopes: Scopes,
        worst: Callable[[], Worst],
        *,
        at: float,
        is_first: bool,
        is_overflow: bool = False,
    ) -> Reservation:
        if self.is_full:
            raise PaymentRequired("no room")
        self.worst.append(worst())
        self.firsts.append(is_first)
        self.held.append(Reservation(f"att_{len(self.held)}", at, units=5))
        return self.held[-1]

    def settle(self, reservation: Reservation, cost_usd: Decimal, tokens: int) -> None:
        self.settled.append((reservation.id, cost_usd, tokens))


class Broken(FakeInference):
    """Breaks while it is asked."""

    def send(self, *_: object) -> ChatResult:
        raise RuntimeError("ours")


class Refusing(Stage[None]):
    """Refuses the answer."""

    name = "refusing"

    def after(self, exchange: Exchange, result: ChatResult) -> None:
        raise Blocked("the answer was refused")


def streamed(*, then: ProviderError | None = None) -> ChatResult:
    chunks = (Chunk(text="Good"), Chunk(usage=Usage(10, 5)))
    last = () if then else (Chunk(finish_reason="stop", is_last=True),)
    return ChatResult(Dialect.OPENAI_CHAT, stream=Stream(*chunks, *last, then=then))


def test_an_answer_is_settled_at_what_it_cost(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    till = Till()

    pipeline.run(make_exchange(spending=till), FakeInference(answer()))

    assert till.settled == [("att_0", Decimal(15), 15)]
    [made] = events[0].attempts
    assert (made.id, made.reserved, made.at) == ("att_0", 5, till.held[0].at)


def test_a_failure_is_settled_and_the_next_call_is_no_first(make_exchange: MakeExchange) -> None:
    broken = failure()
    broken.usage = Usage(9, 0)
    till, inference = Till(), FakeInference(broken, answer())
    exchange = make_exchange(spending=till)

    with pytest.raises(ProviderError):
        attempt(exchange, inference, exchange.plan.targets[0])
    attempt(exchange, inference, exchange.plan.targets[1])

    assert till.settled == [("att_0", Decimal(9), 9)]
    assert till.firsts == [True, False]


def test_who_hangs_up_pays_for_the_question_complaint_2(make_exchange: MakeExchange) -> None:
    till = Till()

    with pytest.raises(ProviderError):
        pipeline.run(make_exchange(spending=till), FakeInference(failure("cancelled")))

    assert till.settled == [("att_0", Decimal(1), 1)]


def test_what_breaks_in_us_is_settled_and_entered(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    """Without an entry the counters would hold it for ever."""
    till = Till()

    with pytest.raises(RuntimeError):
        pipeline.run(make_exchange(spending=till), Broken(answer()))

    assert till.settled == [("att_0", Decimal(0), 0)]
    [made] = events[0].attempts
    assert (made.id, made.status, made.error_code) == ("att_0", "error", "internal_error")
    assert made.cost_usd == 0


def test_an_answer_that_a_stage_refuses_is_settled(make_exchange: MakeExchange) -> None:
    till, plan = Till(), make_plan(stages=[Refusing(None)])

    with pytest.raises(Blocked):
        pipeline.run(make_exchange(plan, spending=till), FakeInference(answer()))

    assert till.settled == [("att_0", Decimal(15), 15)]


@pytest.mark.parametrize("reads", [0, 1, 99])
def test_a_stream_is_settled_however_far_it_is_read(
    make_exchange: MakeExchange, reads: int
) -> None:
    till = Till()
    exchange = make_exchange(chat=make_chat(stream=True), spending=till)

    result = pipeline.run(exchange, FakeInference(streamed()))
    assert result.stream is not None
    for _ in zip(range(reads), result.stream, strict=False):
        pass
    result.stream.close()

    assert [held for held, _, _ in till.settled] == ["att_0"]
    assert till.settled[0][1] > 0


def test_a_stream_that_breaks_is_settled_at_what_came(make_exchange: MakeExchange) -> None:
    till = Till()
    exchange = make_exchange(chat=make_chat(stream=True), spending=till)

    result = pipeline.run(exchange, FakeInference(streamed(then=failure("connection"))))
    assert result.stream is not None
    with pytest.raises(ProviderError):
        list(result.stream)
    result.stream.close()

    assert till.settled == [("att_0", Decimal(15), 15)]


def test_without_room_nobody_is_called(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    till, inference = Till(is_full=True), FakeInference(answer())

    with pytest.raises(PaymentRequired):
        pipeline.run(make_exchange(spending=till), inference)

    assert inference.called == []
    assert till.settled == []
    assert (events[0].http_status, events[0].error_code) == (402, "budget_exceeded")
    assert events[0].attempts == ()


def test_the_prompt_of_a_router_is_held_too(make_exchange: MakeExchange) -> None:
    with_prompt, without = Till(), Till()
    plan = make_plan(prompt="a b c d e f g h")

    attempt(make_exchange(plan, spending=with_prompt), FakeInference(answer()), plan.targets[0])
    attempt(make_exchange(spending=without), FakeInference(answer()), plan.targets[0])

    assert with_prompt.worst[0].tokens >= without.worst[0].tokens + 8


def test_without_room_the_trial_of_a_breaker_is_left_to_others(
    make_exchange: MakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, inference = make_target("limping"), FakeInference(failure("server_error"))
    for _ in range(breaker.FAILURES_TO_OPEN):
        with pytest.raises(ProviderError):
            attempt(make_exchange(), inference, target)
    now = time.time()
    monkeypatch.setattr(breaker._breakers, "_clock", lambda: now + breaker.OPEN_S + 1)

    with pytest.raises(PaymentRequired):
        attempt(make_exchange(spending=Till(is_full=True)), inference, target)
    with pytest.raises(RuntimeError):
        attempt(make_exchange(), Broken(answer()), target)
    result = attempt(make_exchange(), FakeInference(answer("Well again")), target)

    assert result.text == "Well again"
