from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperstrate.shared.template import check, extract_variables, interpolate


def test_fills_placeholders_and_leaves_the_unknown_ones() -> None:
    text = interpolate("Dear {{name}}, {{greeting}} from {{city_2}}", {"name": "Ada", "city_2": ""})

    assert text == "Dear Ada, {{greeting}} from "


def test_what_was_filled_in_is_not_filled_again() -> None:
    assert interpolate("{{a}}", {"a": "{{b}}", "b": "secret"}) == "{{b}}"


def test_names_come_once_in_order_of_their_first_place() -> None:
    assert extract_variables("{{b}} {{a}} {{b}} {{ c }}") == ["b", "a"]


@pytest.mark.parametrize("text", ["", "plain }} {", "{{a}} and {{b_1}}", '{"json": {"a": 1}}'])
def test_a_sound_template_has_no_complaint(text: str) -> None:
    assert check(text) is None


@pytest.mark.parametrize("text", ["{{", "Hi {{a b}}", "{{a}} {{b", "{{}}", "{{ a }}", "{{a}"])
def test_a_broken_placeholder_is_shown_with_its_place(text: str) -> None:
    complaint = check(text)

    assert complaint is not None
    assert f"character {text.rindex('{{') + 1}" in complaint


@given(st.text(alphabet="{}ab ", max_size=30))
def test_a_template_without_complaint_can_be_filled_whole(text: str) -> None:
    filled = interpolate(text, dict.fromkeys(extract_variables(text), "-"))

    assert (check(text) is None) == ("{{" not in filled)
