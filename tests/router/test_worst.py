"""What a call takes at most: everything that is asked, and the longest answer, with a margin."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from hyperstrate.router.stage import Target
from hyperstrate.router.wires import WIRES
from hyperstrate.router.worst import (
    MARGIN,
    MESSAGE_OVERHEAD,
    OTHER_PART,
    PAGE_BYTES,
    USUAL_OUTPUT,
    worst,
)
from hyperstrate.shared.chat import ChatRequest, Dialect, Usage
from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.spending import Worst
from tests.router.conftest import FakeInference, answer, make_target

INFERENCE = FakeInference(answer())
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}


def target(max_output_tokens: int | None = None) -> Target:
    """One whose input tokens cost a dollar, and output tokens a thousand."""
    made = make_target()

    def price(usage: Usage) -> Decimal:
        return Decimal(usage.input_tokens + 1000 * usage.output_tokens)

    return replace(
        made, model=replace(made.model, price=price, max_output_tokens=max_output_tokens)
    )


def taken(content: Any = "one two", model: Target | None = None, **body: Any) -> Worst:
    messages = body.pop("messages", [{"role": "user", "content": content}])
    whole = {"model": "support", "messages": messages, **body}
    chat = WIRES[Dialect.OPENAI_CHAT].read(whole).chat
    return worst(chat, INFERENCE, model or target())


def asked(found: Worst) -> int:
    """The part of it that is the question."""
    return int(found.cost_usd) % 1000


def test_a_question_and_the_bound_of_its_answer() -> None:
    found = taken(max_tokens=7)

    question = int((2 + MESSAGE_OVERHEAD) * MARGIN)
    assert found == Worst(Decimal(question + 7000), question + 7)


@pytest.mark.parametrize(
    ("longest", "answered"),
    [(None, USUAL_OUTPUT), (100, 100), (10**6, USUAL_OUTPUT)],
)
def test_without_a_bound_the_answer_is_as_long_as_is_usual(
    longest: int | None, answered: int
) -> None:
    assert int(taken(model=target(longest)).cost_usd) // 1000 == answered


def test_several_answers_are_paid_several_times() -> None:
    assert int(taken(max_tokens=5, n=3).cost_usd) // 1000 == 15
    assert int(taken(max_tokens=5, n=1).cost_usd) // 1000 == 5


def test_pictures_count() -> None:
    words = [{"type": "text", "text": "one two"}]

    plain, pictures = taken(words, max_tokens=1), taken([*words, PICTURE, PICTURE], max_tokens=1)

    assert pictures.tokens - plain.tokens == int(2 * OTHER_PART * MARGIN)


def test_a_document_counts_as_many_pages_as_its_bytes_make_likely() -> None:
    words, data = [{"type": "text", "text": "one two"}], "QUJD" * PAGE_BYTES  # three times as much
    document = {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{data}"}}

    plain, whole = taken(words, max_tokens=1), taken([*words, document], max_tokens=1)

    assert whole.tokens - plain.tokens == int(4 * OTHER_PART * MARGIN)


def test_tools_their_calls_and_their_answers_count() -> None:
    tool = {
        "type": "function",
        "function": {"name": "find", "description": "a b c d e f", "parameters": {}},
    }
    call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": "a b c"}}
    turns = [
        {"role": "user", "content": "one two"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "d e f g"},
    ]

    with_tools = taken(max_tokens=1, tools=[tool])
    with_calls = taken(messages=turns, max_tokens=1)

    assert with_tools.tokens >= taken(max_tokens=1).tokens + int(6 * MARGIN)
    assert asked(with_calls) == int((2 + 3 + 4 + 3 * MESSAGE_OVERHEAD) * MARGIN)


def test_what_was_thought_and_sent_as_text_counts() -> None:
    parts = [
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a b"}},
        {"type": "text", "text": "c"},
    ]
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": parts}]}
    chat = WIRES[Dialect.ANTHROPIC_MESSAGES].read(body).chat

    assert asked(worst(chat, INFERENCE, target())) == int((3 + MESSAGE_OVERHEAD) * MARGIN)


def test_embeddings_have_no_answer() -> None:
    chat = WIRES[Dialect.OPENAI_EMBEDDINGS].read({"model": "m", "input": ["a b", "c"]}).chat

    found = worst(chat, INFERENCE, target())

    assert 0 < found.cost_usd < 1000
    assert found.tokens == found.cost_usd


def test_a_body_that_only_its_provider_can_read_counts_whole() -> None:
    def unreadable(_body: object) -> Any:
        raise BadRequest("foreign")

    chat = ChatRequest(Dialect.OPENAI_CHAT, {"words": "a b c"}, unreadable)

    found = worst(chat, INFERENCE, target())

    assert found.tokens == int(3 * MARGIN) + USUAL_OUTPUT
