"""A body is a JSON object within the limits, or it is refused."""

from __future__ import annotations

import orjson
import pytest

from hyperstrate.router.body import MAX_DEPTH, read
from hyperstrate.shared.errors import BadRequest, TooLarge

OPEN = {"list": b"[", "object": b'{"a":'}
CLOSE = {"list": b"]", "object": b"}"}


def nested(kind: str, levels: int) -> bytes:
    """An object with ``levels`` levels, itself among them."""
    inner = levels - 1
    return b'{"x":' + OPEN[kind] * inner + b"1" + CLOSE[kind] * inner + b"}"


def test_a_json_object_is_read() -> None:
    assert read(b' {"a": ["\xc3\xbc", 1.5, null]} ', max_bytes=100) == {"a": ["ü", 1.5, None]}


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"1", b'"a"', b"\xff", b'{"a":NaN}', b'{"a":"\\ud800"}']
)
def test_what_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        read(raw, max_bytes=100)


def test_a_byte_too_many_is_too_large() -> None:
    assert read(b'{"a":1}', max_bytes=7)
    with pytest.raises(TooLarge):
        read(b'{"a":1}', max_bytes=6)


@pytest.mark.parametrize("kind", OPEN)
def test_a_level_too_many_is_too_deep(kind: str) -> None:
    body = read(nested(kind, MAX_DEPTH), max_bytes=10**6)

    assert orjson.dumps(body)
    for levels in (MAX_DEPTH + 1, 254, 900, 5000):
        with pytest.raises(BadRequest):
            read(nested(kind, levels), max_bytes=10**6)


def test_much_beside_each_other_is_not_deep() -> None:
    raw = orjson.dumps({"messages": [{"role": "user", "content": ["[{" * 50]}] * 3000})

    assert len(read(raw, max_bytes=10**7)["messages"]) == 3000
