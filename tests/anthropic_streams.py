"""What the tests of Anthropic's streams share: their judge, their reader, and chunks to write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import orjson

from hyperstrate.ai.providers.anthropic import Anthropic
from hyperstrate.router.wires.anthropic_messages import AnthropicMessages
from hyperstrate.router.wires.base import StreamWriter
from hyperstrate.shared.chat import ChatResult, Chunk, Dialect, Json, ToolCallDelta, Usage
from hyperstrate.shared.sse import data_of
from tests.anthropic_calls import exchange, read

OURS, OPENAI = Dialect.ANTHROPIC_MESSAGES, Dialect.OPENAI_CHAT
ASK: Json = {"messages": [{"role": "user", "content": "Hi"}], "stream": True}
END = (
    Chunk(finish_reason="stop", finish_detail="stop"),
    Chunk(usage=Usage(9, 4)),
    Chunk(is_last=True),
)


def events_of(stream: bytes) -> list[bytes]:
    """The events of a stream, each with its blank line."""
    return [event + b"\n\n" for event in stream.split(b"\n\n") if event.strip()]


def payloads_of(stream: bytes) -> list[Json]:
    datas = [data_of(event) for event in events_of(stream)]
    return [orjson.loads(data) for data in datas if data is not None]


def judge(payloads: Iterable[Json]) -> None:
    """Refuse a stream that Anthropic would not send."""
    names = []
    opened, kind = -1, ""
    for payload in payloads:
        name = payload["type"]
        if name == "ping":
            continue
        names.append(name)
        if name == "content_block_start":
            assert not kind, "a second block was opened"
            opened += 1
            kind = payload["content_block"]["type"]
        if name.startswith("content_block"):
            assert payload["index"] == opened, "indices are not dense"
            assert kind, "no block is open"
        if name == "content_block_delta":
            assert payload["delta"]["type"] in _DELTAS.get(kind, ("input_json_delta",))
        if name == "content_block_stop":
            kind = ""
        if name in ("message_delta", "message_stop"):
            assert not kind, "a block was left open"
    assert names[0] == "message_start"
    assert names[-2:] == ["message_delta", "message_stop"]
    assert [names.count(name) for name in ("message_start", "message_delta", "message_stop")] == [
        1,
        1,
        1,
    ]


_DELTAS = {
    "text": ("text_delta", "citations_delta"),
    "thinking": ("thinking_delta", "signature_delta"),
    "tool_use": ("input_json_delta",),
}


def message_of(payloads: Iterable[Json]) -> Json:
    """The message that a client puts together from a stream; arguments are parsed."""
    message: Json = {}
    arguments: dict[int, str] = {}
    for payload in payloads:
        name = payload["type"]
        if name == "message_start":
            message = {**payload["message"], "content": []}
        elif name == "content_block_start":
            message["content"].append(dict(payload["content_block"]))
        elif name == "content_block_delta":
            _grow(message["content"][payload["index"]], payload, arguments)
        elif name == "message_delta":
            message |= payload["delta"]
            message["usage"] = message["usage"] | payload["usage"]
    for index, text in arguments.items():
        message["content"][index]["input"] = orjson.loads(text or "{}")
    return message


def _grow(block: Json, payload: Json, arguments: dict[int, str]) -> None:
    delta = payload["delta"]
    if delta["type"] == "input_json_delta":
        index = payload["index"]
        arguments[index] = arguments.get(index, "") + delta["partial_json"]
    elif delta["type"] == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), delta["citation"]]
    else:
        name = delta["type"].removesuffix("_delta")
        block[name] = block.get(name, "") + delta[name]


def writer(dialect: Dialect = OPENAI) -> StreamWriter:
    return AnthropicMessages().writer(exchange(), ChatResult(dialect, id="id_1", model="m"))


def written(chunks: Iterable[Chunk], dialect: Dialect = OPENAI) -> list[Json]:
    """The events for ``chunks``, judged."""
    target = writer(dialect)
    payloads = payloads_of(b"".join(target.chunk(chunk) for chunk in chunks))
    judge(payloads)
    return payloads


def call(index: int, arguments: str = "", *, name: str = "") -> Chunk:
    """A piece of a tool call; with a name, its first."""
    identity = f"call_{index}" if name else ""
    return Chunk(tool_calls=(ToolCallDelta(index, identity, name, arguments),))


def stream(*payloads: Json) -> list[Chunk]:
    """Chunks of an Anthropic stream with these events between start and end."""
    all_of_it: list[Json] = [
        {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 3}}},
        *payloads,
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"type": "message_stop"},
    ]
    lines = [b"data: " + orjson.dumps(payload) + b"\n\n" for payload in all_of_it]
    return list(Anthropic().chunks(lines, read(ASK)))


def text_block(index: int, *words: str) -> list[Json]:
    start = {"type": "content_block_start", "index": index}
    delta = {"type": "content_block_delta", "index": index}
    return [
        {**start, "content_block": {"type": "text", "text": ""}},
        *({**delta, "delta": {"type": "text_delta", "text": word}} for word in words),
        {"type": "content_block_stop", "index": index},
    ]


def shape(chunk: Chunk) -> Chunk:
    """The chunk as a stage leaves it that rewrote it."""
    return replace(chunk, raw=None, payload=None)
