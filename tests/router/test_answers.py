"""A kept answer is the answer, whatever its parts are."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hyperstrate.router.answers import pack, unpack
from hyperstrate.shared.chat import (
    ChatResult,
    Dialect,
    Document,
    Foreign,
    Image,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
)

PARTS: list[Part] = [
    Thinking("hm", signature="sig", redacted="red", extra={"a": 1}),
    Text("Grüße\n", extra={"citations": [{"url": "x"}]}),
    ToolCall("call_1", "look", '{"a": "\\u0062"}'),
    Image(url="https://example.org/a.png", extra={"detail": "low"}),
    Document(data="AAAA", media_type="application/pdf", name="a.pdf"),
    ToolResult("call_1", [Text("in"), Image(data="BBBB", media_type="image/png")], is_error=True),
    Foreign(Dialect.ANTHROPIC_MESSAGES, {"type": "server_tool_use", "id": "s"}),
]


@pytest.mark.parametrize("raw", [None, b'{"id": "1",\n "text": "Gr\xc3\xbc\xc3\x9fe"}'])
def test_an_answer_comes_back_as_it_was(raw: bytes | None) -> None:
    result = ChatResult(
        Dialect.ANTHROPIC_MESSAGES,
        parts=list(PARTS),
        others=[[Text("two")], []],
        finish_reason="tool_calls",
        finish_detail="tool_use",
        stop_sequence="END",
        id="msg_1",
        model="claude",
        usage=Usage(7, 7, cached_input_tokens=3),
        has_usage=True,
        dropped=["seed"],
        raw=raw,
        body={"id": "1", "text": "Grüße"},
    )

    again = unpack(pack(result))

    assert again == result


def test_what_it_once_cost_is_not_kept() -> None:
    result = ChatResult(
        Dialect.OPENAI_CHAT, [Text("a")], usage=Usage(7, 7), cost_usd=Decimal(3), ttft_ms=9.0,
        has_usage=True,
    )  # fmt: skip

    again = unpack(pack(result))

    assert again is not None
    assert (again.usage, again.cost_usd, again.ttft_ms) == (Usage(7, 7), Decimal(0), None)


def test_a_usage_that_nobody_told_is_not_made_up() -> None:
    again = unpack(pack(ChatResult(Dialect.OPENAI_CHAT, [Text("a")], usage=Usage(7, 7))))

    assert again is not None
    assert (again.usage, again.has_usage) == (Usage(), False)


@pytest.mark.parametrize("other", [b"", b"nonsense", b'{"version": 0}\n', b'{"version": 1}\n'])
def test_bytes_of_another_version_are_nothing(other: bytes) -> None:
    assert unpack(other) is None
