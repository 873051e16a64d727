"""The exact cache: what is kept, who gets it, and what is never kept."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from hyperstrate.router.features.rate_limit import Config as RateLimitConfig
from hyperstrate.router.features.rate_limit import RateLimit
from hyperstrate.router.features.response_cache import MAX_ENTRY_BYTES, Config, ResponseCache
from hyperstrate.router.stage import Exchange, Plan
from hyperstrate.shared.chat import ChatRequest, ChatResult, Dialect, Text, ToolCall, Usage
from hyperstrate.shared.guards import Caller
from tests.router.conftest import MakeExchange, answer, make_chat, make_plan, make_target

ROUTER = make_plan()
ALICE = Caller("org_1", "api_key", key_id="key_alice")
BOB = Caller("org_1", "api_key", key_id="key_bob")


def _ask(exchange: Exchange, result: ChatResult | None = None, **config: Any) -> ChatResult | None:
    """One request through a cache of its own process; ``result`` is what a provider answers."""
    stage = ResponseCache(Config(**config))
    hit = stage.before(exchange)
    if hit is None and result is not None:
        exchange.target = exchange.plan.targets[1]
    stage.after(exchange, hit or result or answer(finish_reason=None))
    return hit


def test_the_same_request_is_answered_from_the_cache(make_exchange: MakeExchange) -> None:
    first = make_exchange()
    _ask(first, answer("Good day", raw=b'{"id": "x"}', id="x", has_usage=True))
    second = make_exchange()

    hit = _ask(second)

    assert hit is not None
    assert (hit.text, hit.raw, hit.id) == ("Good day", b'{"id": "x"}', "x")
    assert (hit.usage, hit.cost_usd) == (Usage(10, 5), Decimal(0))
    assert second.cache_hit_type == "exact"
    assert second.target == second.plan.targets[1]
    assert [(step.phase, step.kind, step.name, step.outcome) for step in first.steps] == [
        (3, "cache", "Cache", "miss"),
        (8, "cache_store", "Cache Store", "stored"),
    ]
    assert [(step.kind, step.outcome) for step in second.steps] == [("cache", "hit_exact")]


@pytest.mark.parametrize(
    "other",
    [
        make_chat("Hallo"),
        make_chat(temperature=0.5),
        make_chat(tools=[{"type": "function", "function": {"name": "look"}}]),
        make_chat(model="another"),
        make_chat(response_format={"type": "json_object"}),
        make_chat(system="Be short", dialect=Dialect.ANTHROPIC_MESSAGES),
        make_chat(messages=[{"role": "assistant", "content": "Hello"}]),
    ],
)
def test_another_request_is_another_answer(make_exchange: MakeExchange, other: ChatRequest) -> None:
    """Complaint 31 of the original: options, tools and the model were not part of the key."""
    _ask(make_exchange(), answer())

    assert _ask(make_exchange(chat=other)) is None


@pytest.mark.parametrize(
    "same",
    [
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"user": "u_1"},
        {"metadata": {"a": "b"}},
        {"dialect": Dialect.ANTHROPIC_MESSAGES},
    ],
)
def test_how_it_is_sent_and_for_whom_does_not_matter(
    make_exchange: MakeExchange, same: dict[str, Any]
) -> None:
    _ask(make_exchange(), answer())

    assert _ask(make_exchange(chat=make_chat(**same))) is not None


def test_fields_of_one_dialect_do_not_answer_the_other(make_exchange: MakeExchange) -> None:
    _ask(make_exchange(chat=make_chat(system="Be short")), answer())

    other = make_chat(system="Be short", dialect=Dialect.ANTHROPIC_MESSAGES)

    assert _ask(make_exchange(chat=other)) is None


@pytest.mark.parametrize(
    "other",
    [
        make_plan(org_id="org_2"),
        make_plan(router_id="rtr_2"),
        make_plan(prompt="Be short"),
        make_plan([make_target("one", prompt="Be short"), make_target("two")]),
        make_plan([make_target("two")]),
        make_plan(stages=[RateLimit(RateLimitConfig())]),
    ],
)
def test_another_tenant_or_router_or_an_edited_one_gets_nothing_complaint_37(
    make_exchange: MakeExchange, other: Plan
) -> None:
    _ask(make_exchange(plan=ROUTER), answer())

    assert _ask(make_exchange(plan=other)) is None
    assert _ask(make_exchange(plan=replace(ROUTER))) is not None


def test_variables_of_prompts_are_part_of_the_request(make_exchange: MakeExchange) -> None:
    _ask(make_exchange(variables={"name": "Ann"}), answer())

    assert _ask(make_exchange(variables={"name": "Bob"})) is None


def test_callers_share_answers_unless_the_scope_is_their_key(make_exchange: MakeExchange) -> None:
    _ask(make_exchange(caller=ALICE), answer())
    _ask(make_exchange(caller=ALICE), answer(), scope="key")

    assert _ask(make_exchange(caller=BOB)) is not None
    assert _ask(make_exchange(caller=BOB), scope="key") is None
    assert _ask(make_exchange(caller=ALICE), scope="key") is not None


@pytest.mark.parametrize(
    "partial",
    [
        answer(finish_reason="length"),
        answer(finish_reason=None),
        answer(finish_reason="content_filter"),
        answer(finish_reason="refusal"),
        answer(finish_reason="pause"),
        answer(""),
        answer(" \n"),
        answer("x" * MAX_ENTRY_BYTES),
    ],
)
def test_what_is_not_a_whole_answer_is_not_kept(
    make_exchange: MakeExchange, partial: ChatResult
) -> None:
    """Complaint 28 of the original: cut streams were cached."""
    _ask(make_exchange(), partial)

    assert _ask(make_exchange()) is None


def test_an_answer_that_nobody_waited_for_is_not_kept(make_exchange: MakeExchange) -> None:
    exchange = make_exchange()
    exchange.cancellation.cancel()
    _ask(exchange, answer())

    assert _ask(make_exchange()) is None


def test_tool_calls_are_kept_whole(make_exchange: MakeExchange) -> None:
    """Complaint 31 of the original: tool calls were cached as an empty text."""
    call = ToolCall("call_1", "look", '{"where": "here"}')
    _ask(make_exchange(), answer(parts=[call], finish_reason="tool_calls"))

    hit = _ask(make_exchange())

    assert hit is not None
    assert hit.tool_calls == [call]
    assert hit.finish_reason == "tool_calls"


def test_embeddings_are_kept(make_exchange: MakeExchange) -> None:
    def embed() -> ChatRequest:
        return ChatRequest(
            Dialect.OPENAI_EMBEDDINGS,
            {"model": "support", "input": "Hello"},
            lambda _body: make_chat().conversation,
            operation="embeddings",
        )

    vectors = ChatResult(Dialect.OPENAI_EMBEDDINGS, raw=b'{"data": [1]}', body={"data": [1]})
    _ask(make_exchange(chat=embed()), vectors)

    hit = _ask(make_exchange(chat=embed()))

    assert hit is not None
    assert hit.body == {"data": [1]}


def test_a_client_that_wants_no_cache_neither_gets_nor_leaves_an_answer(
    make_exchange: MakeExchange,
) -> None:
    _ask(make_exchange(bypass_cache=True), answer("one"))
    left = _ask(make_exchange())
    _ask(make_exchange(), answer("two"))

    assert left is None
    assert _ask(make_exchange(bypass_cache=True)) is None


def test_a_hit_is_not_stored_again(make_exchange: MakeExchange) -> None:
    _ask(make_exchange(), answer("one"))
    exchange = make_exchange()

    _ask(exchange)

    assert [step.kind for step in exchange.steps] == ["cache"]


def test_the_answer_of_another_cache_is_not_stored(make_exchange: MakeExchange) -> None:
    stage = ResponseCache(Config())
    exchange = make_exchange()
    stage.before(exchange)

    exchange.cache_hit_type = "semantic"
    stage.after(exchange, answer())

    assert _ask(make_exchange()) is None


def test_a_target_that_is_gone_is_not_named(make_exchange: MakeExchange) -> None:
    stage = ResponseCache(Config())
    exchange = make_exchange()
    stage.before(exchange)
    exchange.target = make_target("removed")
    stage.after(exchange, answer())
    second = make_exchange()

    hit = _ask(second)

    assert hit is not None
    assert second.target is None


def test_the_key_is_the_request_as_it_was_before_other_stages(make_exchange: MakeExchange) -> None:
    stage = ResponseCache(Config())
    exchange = make_exchange()
    stage.before(exchange)
    exchange.chat.edit().messages[0].parts = [Text("masked")]
    stage.after(exchange, answer())

    assert _ask(make_exchange()) is not None


@pytest.mark.parametrize("asked", [{"n": 2}, {}])
def test_a_stream_of_several_choices_is_not_kept(make_exchange: MakeExchange, asked: Any) -> None:
    """Their words came as one text: nobody could tell them apart again."""
    chat = make_chat(stream=True, **asked)
    others = [] if asked else [[Text("two and three")]]

    _ask(make_exchange(chat=chat), answer("one", others=others))

    assert _ask(make_exchange(chat=chat)) is None


def test_all_choices_of_a_whole_answer_are_kept(make_exchange: MakeExchange) -> None:
    others = [[Text("two")], [Text("three")]]
    _ask(make_exchange(chat=make_chat(n=3)), answer("one", others=others))

    hit = _ask(make_exchange(chat=make_chat(n=3, stream=True)))

    assert hit is not None
    assert hit.others == others
