"""What a request is expected to take, before it is made."""

from __future__ import annotations

from hyperstrate.router.expected import MOST_OUTPUT, USUAL_OUTPUT, expected
from hyperstrate.router.wires import WIRES
from hyperstrate.shared.chat import Dialect
from tests.router.conftest import FakeInference, answer


def read(dialect: Dialect, **body: object) -> tuple[int, int]:
    return expected(WIRES[dialect].read(body).chat, FakeInference(answer()))


def chat(**more: object) -> tuple[int, int]:
    messages = [{"role": "user", "content": "one two three"}]
    return read(Dialect.OPENAI_CHAT, model="m", messages=messages, **more)


def test_the_words_of_the_question_are_counted() -> None:
    short, _ = chat()
    messages = [{"role": "user", "content": "word " * 1000}]
    long, _ = read(Dialect.ANTHROPIC_MESSAGES, model="m", messages=messages, max_tokens=5)

    assert 3 <= short < 30
    assert long >= 1000


def test_the_answer_is_what_was_asked_for_within_reason() -> None:
    assert chat(max_tokens=7)[1] == 7
    assert chat()[1] == USUAL_OUTPUT
    assert chat(max_tokens=200_000)[1] == MOST_OUTPUT
    assert chat(max_tokens=-5)[1] == 0


def test_embeddings_have_no_answer_in_tokens() -> None:
    found = read(Dialect.OPENAI_EMBEDDINGS, model="m", input=["one two", "three"])

    assert found[0] >= 3
    assert found[1] == 0


def test_a_question_that_only_its_provider_can_read_is_counted_as_it_came() -> None:
    asked, answered = chat(tools="broken " * 100)

    assert asked >= 100
    assert answered == USUAL_OUTPUT
