"""Judges of requests: each names what the real provider would refuse, by its documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from tests.e2e.recorded import Json, payloads_of

OPENAI_FIELDS = set(CompletionCreateParamsBase.__annotations__) | {"stream"}
ANTHROPIC_FIELDS = {
    "model", "max_tokens", "messages", "system", "stream", "tools", "tool_choice", "temperature",
    "top_p", "top_k", "stop_sequences", "metadata", "thinking", "output_config",
}  # fmt: skip
EFFORTS = ("low", "medium", "high", "xhigh", "max")
OPENAI_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_PARTS = {"text": "text", "image_url": "image_url", "file": "file"}


def refused_by_openai(body: Json, *, also: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """Complaints about a request of chat completions; ``also``: fields that a provider adds."""
    return [
        *(f"unknown field {name}" for name in body.keys() - OPENAI_FIELDS - also),
        *_openai_turns(body["messages"]),
        *_openai_tools(body),
        *([] if body.get("reasoning_effort", "low") in OPENAI_EFFORTS else ["unknown effort"]),
    ]


def _openai_turns(messages: list[Json]) -> Iterator[str]:
    open_calls: list[str] = []
    for place, message in enumerate(messages):
        role, content = message["role"], message.get("content")
        if role == "tool":
            if message["tool_call_id"] not in open_calls:
                yield f"{place}: a result without its call"
            else:
                open_calls.remove(message["tool_call_id"])
        elif open_calls:
            yield f"{place}: calls without results: {open_calls}"
            open_calls = []
        if role == "assistant":
            open_calls = [call["id"] for call in message.get("tool_calls") or ()]
            yield from _openai_calls(place, message)
        if content is None and not (role == "assistant" and open_calls):
            yield f"{place}: no content"
        elif content is not None:
            yield from (f"{place}: {it}" for it in _openai_content(role, content))


def _openai_calls(place: int, message: Json) -> Iterator[str]:
    for call in message.get("tool_calls") or ():
        if call.keys() != {"id", "type", "function"} or call["type"] != "function":
            yield f"{place}: a call of the wrong form: {call}"
        elif not isinstance(call["function"]["arguments"], str):
            yield f"{place}: arguments are not text"


def _openai_content(role: str, content: Any) -> Iterator[str]:
    if isinstance(content, str):
        return
    if not content:
        yield "an empty list of parts"
    for part in content:
        if part["type"] not in _PARTS or _PARTS[part["type"]] not in part:
            yield f"a part of an unknown kind: {part}"
        elif part["type"] != "text" and role != "user":
            yield f"{part['type']} in a message of {role}"


def _openai_tools(body: Json) -> Iterator[str]:
    for tool in body.get("tools", []):
        if tool["type"] != "function" or not _TOOL_NAME.fullmatch(tool["function"]["name"]):
            yield f"a tool of the wrong form: {tool}"
        elif tool.keys() - {"type", "function", "cache_control"}:
            yield f"a tool with unknown fields: {tool}"
        elif tool["function"].keys() - {"name", "description", "parameters", "strict"}:
            yield f"a function with unknown fields: {tool}"
    if "tool_choice" in body and not body.get("tools"):
        yield "a tool_choice without tools"


def refused_by_anthropic(body: Json) -> list[str]:
    """Complaints about a request of the Messages API."""
    return [
        *(f"unknown field {name}" for name in body.keys() - ANTHROPIC_FIELDS),
        *([] if isinstance(body.get("max_tokens"), int) else ["no max_tokens"]),
        *_anthropic_system(body),
        *_anthropic_turns(body["messages"]),
        *_anthropic_tools(body),
    ]


def _anthropic_system(body: Json) -> Iterator[str]:
    system = body.get("system", "x")
    for block in system if isinstance(system, list) else []:
        if block["type"] != "text" or not block["text"].strip():
            yield f"system: {block}"
    if not system:
        yield "an empty system prompt"


def _anthropic_turns(messages: list[Json]) -> Iterator[str]:
    if not messages or messages[0]["role"] != "user":
        yield "the first turn is not the user's"
    called: list[str] = []
    for place, message in enumerate(messages):
        role, content = message["role"], message["content"]
        if message.keys() != {"role", "content"} or role not in ("user", "assistant"):
            yield f"{place}: {message.keys()} {role}"
        if place and messages[place - 1]["role"] == role:
            yield f"{place}: two turns of {role}"
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not blocks:
            yield f"{place}: no content"
        yield from (f"{place}: {it}" for it in _anthropic_blocks(blocks, role, called))
        called = [block["id"] for block in blocks if block["type"] == "tool_use"]


def _anthropic_blocks(blocks: list[Json], role: str, called: list[str]) -> Iterator[str]:
    kinds = [block["type"] for block in blocks]
    answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    if sorted(answered) != sorted(called):
        yield f"calls {called} are answered by {answered}"
    if kinds[: len(answered)] != ["tool_result"] * len(answered):
        yield "results behind words"
    for block in blocks:
        if block["type"] in ("thinking", "redacted_thinking", "tool_use") and role != "assistant":
            yield f"{block['type']} of {role}"
        yield from _anthropic_block(block)


def _anthropic_block(block: Json) -> Iterator[str]:
    kind = block["type"]
    if kind == "text" and not block["text"].strip():
        yield "an empty text"
    if kind == "thinking" and not block["signature"]:
        yield "thinking without its signature"
    if kind == "tool_use" and not isinstance(block["input"], dict):
        yield "an input that is no object"
    if not all(_ID.fullmatch(block.get(name, "x")) for name in ("id", "tool_use_id")):
        yield f"an id of the wrong form: {block}"


def _anthropic_tools(body: Json) -> Iterator[str]:
    for tool in body.get("tools", []):
        if not _TOOL_NAME.fullmatch(tool["name"]) or tool["input_schema"].get("type") != "object":
            yield f"a tool of the wrong form: {tool}"
        elif tool.keys() - {"name", "description", "input_schema", "strict", "cache_control"}:
            yield f"a tool with unknown fields: {tool}"
    if "tool_choice" in body and not body.get("tools"):
        yield "a tool_choice without tools"
    if body.get("output_config", {}).get("effort", "low") not in EFFORTS:
        yield f"an unknown effort: {body['output_config']}"
    thinking, choice = body.get("thinking", {}), body.get("tool_choice", {})
    if thinking.get("type") == "enabled" and choice.get("type") in ("any", "tool"):
        yield "thinking with a forced tool"
    if thinking.get("budget_tokens", 0) >= body["max_tokens"]:
        yield "a budget above max_tokens"


def misshaped_openai_stream(stream: bytes) -> list[str]:
    """Complaints about the form of a streamed chat completion with its usage."""
    complaints = []
    if not stream.endswith(b"data: [DONE]\n\n") or stream.count(b"[DONE]") != 1:
        complaints.append("the stream does not end")
    payloads = payloads_of(stream)
    chunks = [ChatCompletionChunk.model_validate(payload) for payload in payloads]
    if len({(chunk.id, chunk.model, chunk.created) for chunk in chunks}) != 1:
        complaints.append("the chunks are of different answers")
    *answer, last = chunks
    if last.choices or last.usage is None:
        complaints.append("the last chunk is not the usage")
    if any(chunk.usage or len(chunk.choices) != 1 for chunk in answer):
        complaints.append("a chunk without its choice")
    ends = [chunk.choices[0].finish_reason for chunk in answer]
    if ends[:-1] != [None] * (len(ends) - 1) or ends[-1] is None:
        complaints.append(f"the finish is not the last: {ends}")
    roles = [chunk.choices[0].delta.role for chunk in answer]
    if roles != ["assistant"] + [None] * (len(roles) - 1):
        complaints.append(f"the role is not in the first chunk alone: {roles}")
    return [*complaints, *_misshaped_calls(answer)]


def _misshaped_calls(chunks: list[ChatCompletionChunk]) -> Iterator[str]:
    known: list[int] = []
    for call in (call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()):
        is_new = call.index not in known
        if is_new and call.index != len(known):
            yield f"the calls are numbered {[*known, call.index]}"
        has_name = bool(call.id and call.function and call.function.name)
        if has_name is not is_new:
            yield f"id and name are not in the first piece alone: {call}"
        known += [call.index] if is_new else []
