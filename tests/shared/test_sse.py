from __future__ import annotations

import pytest

from hyperstrate.shared.sse import data_of, event


@pytest.mark.parametrize(
    ("written", "data"),
    [
        (b'data: {"a":1}\n\n', b'{"a":1}'),
        (b'data:{"a":1}\r\n\r\n', b'{"a":1}'),
        (b"event: ping\ndata: {}\n\n", b"{}"),
        (b"data: one\ndata: two\n\n", b"one\ntwo"),
        (b"id: 7\r\ndata: x\r\n\r\n", b"x"),
        (b": OPENROUTER PROCESSING\n\n", None),
        (b"event: ping\n\n", None),
        (b"\n", None),
    ],
)
def test_reads_the_data_of_an_event(written: bytes, data: bytes | None) -> None:
    assert data_of(written) == data


def test_writes_what_it_reads() -> None:
    assert event(b"{}") == b"data: {}\n\n"
    assert event(b"{}", "ping") == b"event: ping\ndata: {}\n\n"
    assert data_of(event(b"{}", "ping")) == b"{}"
