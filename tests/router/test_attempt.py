"""One call to a target: with its prompt, through its breaker, noted in the trace."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hyperstrate.router import breaker
from hyperstrate.router.attempt import attempt
from hyperstrate.shared.chat import ChatResult, Chunk, Dialect, Usage, text_of
from hyperstrate.shared.errors import ProviderError
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

    assert result.stream is not None
    assert result.stream.is_ready
    assert result.ttft_ms is not None
    assert [chunk.text for chunk in result.stream] == ["", "Good", ""]


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
