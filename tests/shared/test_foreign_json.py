from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperstrate.shared.foreign_json import Payloads, loads


def event(text: str) -> bytes:
    """As a server writes it that escapes what is not ASCII."""
    return json.dumps({"delta": {"text": text}, "index": 0}).encode()


def test_the_halves_of_a_character_in_two_payloads_are_put_together() -> None:
    payloads = Payloads()

    texts = [payloads.loads(event(it))["delta"]["text"] for it in ("a\ud83d", "\ude00b", "c")]

    assert texts == ["a", "\U0001f600b", "c"]


def test_the_half_waits_for_its_own_place() -> None:
    payloads = Payloads()
    payloads.loads(event("\ud83d"))

    other = payloads.loads(json.dumps({"choices": ["\ude00"]}).encode())
    text = payloads.loads(event("\ude00"))["delta"]["text"]

    assert other == {"choices": ["\ufffd"]}
    assert text == "\U0001f600"


def test_a_half_that_stays_alone_harms_nobody() -> None:
    found = loads(b'{"a\\ud83d": "x\\ude00y\\ud83d"}')

    assert found == {"a\ufffd": "x\ufffdy"}
    assert orjson.dumps(found)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a": "\\u12"}',
        b'["\\ud83d", NaN]',
        b'["\\ud83d"' + b"[" * 100_000,
        b'"\\u\xff"',
    ],
)
def test_what_is_not_json_stays_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda it: st.lists(it, max_size=3) | st.dictionaries(st.text(max_size=3), it, max_size=3),
    max_leaves=9,
)


@given(values)
def test_whatever_can_be_written_is_read(value: Any) -> None:
    assert loads(json.dumps(value).encode()) == value


@given(st.text(max_size=20), st.integers(0, 40))
def test_a_text_may_be_cut_anywhere_between_two_escapes(text: str, place: int) -> None:
    units = text.encode("utf-16-le")
    halves = [units[: place * 2], units[place * 2 :]]
    pieces = [half.decode("utf-16-le", "surrogatepass") for half in halves]
    payloads = Payloads()

    assert "".join(payloads.loads(event(piece))["delta"]["text"] for piece in pieces) == text
