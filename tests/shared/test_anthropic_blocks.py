from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperstrate.shared.anthropic_blocks import block_of, input_of, part_of, usage_json, usage_of
from hyperstrate.shared.chat import Json, Usage

WORDS = st.text(max_size=4)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
KINDS = st.sampled_from(
    ["text", "thinking", "redacted_thinking", "image", "document", "tool_use", "new_kind"]
)
SOURCES = st.fixed_dictionaries(
    {"type": st.sampled_from(["url", "base64", "text", "file"])},
    optional={"url": WORDS, "data": WORDS, "media_type": WORDS, "file_id": WORDS},
)
FIELDS = st.fixed_dictionaries(
    {"type": KINDS, "signature": WORDS},
    optional={
        "text": WORDS | ANYTHING,
        "thinking": WORDS | ANYTHING,
        "data": WORDS,
        "source": SOURCES | ANYTHING,
        "title": st.text(min_size=1, max_size=4),
        "id": WORDS,
        "name": WORDS,
        "input": st.dictionaries(WORDS, ANYTHING, max_size=2) | ANYTHING,
        "cache_control": st.just({"type": "ephemeral"}),
        "citations": ANYTHING,
    },
)


@given(FIELDS)
def test_a_block_comes_back_as_it_was(block: Json) -> None:
    written = orjson.loads(orjson.dumps(block_of(part_of(block))))

    assert written == block


@given(st.builds(Usage, *[st.integers(0, 9)] * 2))
def test_usage_comes_back_as_it_was(usage: Usage) -> None:
    assert usage_of(usage_json(usage, {})) == usage


def test_the_parts_of_the_input_are_summed_and_told_apart_again() -> None:
    said = {
        "input_tokens": 1,
        "cache_read_input_tokens": 10,
        "cache_creation_input_tokens": 100,
        "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
        "output_tokens": 7,
        "service_tier": "standard",
    }

    usage = usage_of(said)

    assert usage == Usage(111, 7, 10, 60, 40)
    assert usage_json(usage, said) == said


@pytest.mark.parametrize("odd", [-1, "1", 1.5, 2**53 + 1, True, [1]])
@pytest.mark.parametrize("name", ["input_tokens", "output_tokens", "cache_read_input_tokens"])
def test_usage_that_cannot_be_is_not_told(name: str, odd: object) -> None:
    assert usage_of({"input_tokens": 7, name: odd}) == Usage(is_estimated=True)


@pytest.mark.parametrize("odd", [{}, {"input_tokens": None}, {"cache_creation": 5}])
def test_odd_usage_counts_nothing(odd: Json) -> None:
    assert usage_of(odd) == Usage()


@pytest.mark.parametrize("arguments", ["", " \n"])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    assert input_of(arguments) == {}
