from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperstrate.ai.providers.openai_call_ids import with_short_ids
from hyperstrate.shared.chat import Json


def turns(call_id: Any) -> list[Json]:
    return [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [{"id": call_id, "function": {"name": "look"}}]},
        {"role": "tool", "tool_call_id": call_id, "content": "It is"},
    ]


def test_an_id_that_mistral_takes_stays() -> None:
    assert with_short_ids(turns("D681PevKs")) == turns("D681PevKs")


@given(st.text())
def test_any_other_becomes_one_and_calls_still_meet_their_results(call_id: str) -> None:
    given = turns(call_id)

    _, turn, result = with_short_ids(given)

    short = turn["tool_calls"][0]["id"]
    assert re.fullmatch("[a-zA-Z0-9]{9}", short)
    assert result["tool_call_id"] == short
    assert given == turns(call_id)


def test_two_ids_stay_two() -> None:
    ids = [with_short_ids(turns(f"toolu_{number}"))[2]["tool_call_id"] for number in range(1000)]

    assert len(set(ids)) == 1000


@pytest.mark.parametrize("odd", [None, 5, []])
def test_what_is_no_id_is_left_to_the_provider(odd: Any) -> None:
    assert with_short_ids(turns(odd)) == turns(odd)
    assert with_short_ids([{"tool_calls": odd}, {"tool_calls": [odd]}])
