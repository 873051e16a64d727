"""Streams of both dialects, made of the deltas that a test is about."""

from __future__ import annotations

import json
from typing import Any

from tests import answers
from tests.e2e.recorded import Json


def claude(
    *blocks: list[Json], stop_reason: str = "end_turn", usage: Json | None = None, **start: Any
) -> list[bytes]:
    """A stream of Claude: a list of deltas for each block; a tool call's first one is its start."""
    head, *_ = answers.anthropic_events()
    if usage is not None:
        payload = json.loads(head.split(b"data: ")[1])
        payload["message"]["usage"] = usage
        head = answers.event(payload, "message_start")
    events = [head]
    for index, deltas in enumerate(blocks):
        opening, *rest = (
            deltas if deltas[0]["type"] == "tool_use" else [_opening(deltas[0]), *deltas]
        )
        events.append(_frame("content_block_start", index, content_block=opening))
        events += [_frame("content_block_delta", index, delta=delta) for delta in rest]
        events.append(_frame("content_block_stop", index))
    end = {"stop_reason": stop_reason, "stop_sequence": None, **start}
    last = {"type": "message_delta", "delta": end, "usage": {"output_tokens": 2}}
    stop = answers.event({"type": "message_stop"}, "message_stop")
    return [*events, answers.event(last, "message_delta"), stop]


def _opening(delta: Json) -> Json:
    kind = delta["type"].removesuffix("_delta")
    return {"type": kind, kind: ""}


def _frame(kind: str, index: int, **fields: Any) -> bytes:
    return answers.event({"type": kind, "index": index, **fields}, kind)


def text(*words: str) -> list[Json]:
    """The deltas of a block of text."""
    return [{"type": "text_delta", "text": word} for word in words]


def gpt(*deltas: Json, finish: str = "stop", usage: Json | None = None) -> list[bytes]:
    """A stream of GPT: a chunk for each delta, of the first choice unless one has its ``index``."""
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5"}
    choices: list[Json] = [
        {
            "index": delta.get("index", 0),
            "delta": {key: value for key, value in delta.items() if key != "index"},
            "finish_reason": None,
        }
        for delta in ({"role": "assistant", "content": ""}, *deltas)
    ]
    choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    last = {**frame, "choices": [], "usage": usage or answers.OPENAI_USAGE}
    payloads = [*({**frame, "choices": [choice]} for choice in choices), last]
    lines = [f"data: {json.dumps(payload)}\n\n".encode() for payload in payloads]
    return [*lines, b"data: [DONE]\n\n"]


def call(index: int, arguments: str = "", *, name: str = "") -> Json:
    """The delta of a tool call; with a name, its first."""
    piece: Json = {"index": index, "function": {"arguments": arguments}}
    if name:
        piece |= {"id": f"call_{index}", "type": "function"}
        piece["function"]["name"] = name
    return {"tool_calls": [piece]}
