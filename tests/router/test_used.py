"""What a call used is known also where its provider did not come to say it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hyperstrate.router.used import account, in_vain
from hyperstrate.shared.chat import ChatResult, Text, Thinking, ToolCall, Usage
from hyperstrate.shared.errors import BadRequest, ProviderErrorKind
from tests.router.conftest import (
    FakeInference,
    MakeExchange,
    answer,
    failure,
    make_chat,
    make_target,
)

ASKED = "three words asked"


def settled(make_exchange: MakeExchange, result: ChatResult, *, is_whole: bool) -> Usage:
    exchange = make_exchange(chat=make_chat(ASKED))
    account(exchange, FakeInference(), make_target(), result, is_whole=is_whole)
    return result.usage


def test_what_the_provider_said_stands_complaint_5(make_exchange: MakeExchange) -> None:
    result = answer("four words came back", usage=Usage(7, 0), has_usage=True)

    used = settled(make_exchange, result, is_whole=True)

    assert used == Usage(7, 0)
    assert result.cost_usd == Decimal(7)


def test_what_nobody_said_is_estimated(make_exchange: MakeExchange) -> None:
    used = settled(make_exchange, answer("two words", usage=Usage()), is_whole=True)

    assert used == Usage(3, 2, is_estimated=True)


def test_of_an_answer_that_broke_off_words_thoughts_and_calls_count(
    make_exchange: MakeExchange,
) -> None:
    parts = [Thinking("let me think "), Text("then two "), ToolCall("c", "f", "args")]
    result = answer(parts=parts, usage=Usage(7, 1), has_usage=True)

    used = settled(make_exchange, result, is_whole=False)

    assert used == Usage(7, 6, is_estimated=True)


def test_more_than_came_is_not_made_less(make_exchange: MakeExchange) -> None:
    result = answer("one", usage=Usage(7, 50), has_usage=True)

    assert settled(make_exchange, result, is_whole=False) == Usage(7, 50)


def test_a_request_that_only_its_provider_can_read_is_settled_too(
    make_exchange: MakeExchange,
) -> None:
    chat = make_chat()

    def unreadable(_: object) -> None:
        raise BadRequest("messages[0]: is of a kind that is not known")

    chat._parse = unreadable  # type: ignore[assignment]
    result = answer("two words", usage=Usage())

    account(make_exchange(chat=chat), FakeInference(), make_target(), result, is_whole=True)

    assert result.usage == Usage(0, 2, is_estimated=True)


def test_a_call_in_vain_costs_what_its_provider_said(make_exchange: MakeExchange) -> None:
    error = failure("incomplete")
    error.usage = Usage(10, 1)

    spent = in_vain(make_exchange(), FakeInference(), make_target(), error)

    assert spent.usage == Usage(10, 1)
    assert spent.cost_usd == Decimal(11)


@pytest.mark.parametrize(
    ("kind", "asked"), [("cancelled", 3), ("connection", 0), ("rate_limited", 0), ("timeout", 0)]
)
def test_the_question_of_one_who_hangs_up_is_not_free_complaint_4(
    make_exchange: MakeExchange, kind: ProviderErrorKind, asked: int
) -> None:
    exchange = make_exchange(chat=make_chat(ASKED))

    spent = in_vain(exchange, FakeInference(), make_target(), failure(kind))

    assert spent.usage == Usage(asked, is_estimated=bool(asked))


def test_what_cannot_be_is_estimated_and_the_trace_says_so(make_exchange: MakeExchange) -> None:
    exchange = make_exchange(chat=make_chat(ASKED))
    result = answer("two words", usage=Usage(is_estimated=True), has_usage=True)

    account(exchange, FakeInference(), make_target(), result, is_whole=True)

    assert result.usage == Usage(3, 2, is_estimated=True)
    assert [(step.kind, step.outcome) for step in exchange.steps] == [("usage", "estimated")]
    assert "cannot be" in exchange.steps[0].detail


def test_what_cannot_be_is_not_the_price_of_a_call_in_vain(make_exchange: MakeExchange) -> None:
    error = failure("cancelled")
    error.usage = Usage(is_estimated=True)

    spent = in_vain(make_exchange(chat=make_chat(ASKED)), FakeInference(), make_target(), error)

    assert spent.usage == Usage(3, is_estimated=True)
