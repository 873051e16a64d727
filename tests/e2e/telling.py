"""What a request or an answer says, told from its plain JSON alone: the judge of translations.

It shares no code with what it judges. A telling is a list of items in their order:
``("system", words)``, ``("user", words)``, ``("assistant", words)``, ``("thinking", words)``,
``("image", url)``, ``("file", url)``, ``("call", id, name, arguments)``, ``("result", id, words)``,
``("foreign", type)``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, TypeAlias

from tests.e2e.recorded import Json, Recording

Item: TypeAlias = tuple[Any, ...]
WORDS = ("system", "user", "assistant", "thinking")
_ENDS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
}
_FACES = {"system": 0, "thinking": 2, "assistant": 3, "foreign": 4, "call": 5}


def told_by_openai(body: Json) -> list[Item]:
    """A request, or the message of an answer, of OpenAI's dialect."""
    return [item for message in body["messages"] for item in _openai_message(message)]


def _openai_message(message: Json) -> Iterator[Item]:
    role = "system" if message["role"] == "developer" else message["role"]
    if role == "tool":
        words = "".join(text for _, text in _openai_content(message["content"], "user"))
        yield "result", message["tool_call_id"], words
        return
    thoughts = message.get("reasoning_content") or message.get("reasoning")
    if thoughts:
        yield "thinking", thoughts
    yield from _openai_content(message.get("content"), role)
    if message.get("refusal"):
        yield "assistant", message["refusal"]
    for call in message.get("tool_calls") or ():
        function = call["function"]
        yield "call", call["id"], function["name"], arguments(function["arguments"])


def _openai_content(content: Any, role: str) -> Iterator[Item]:
    if isinstance(content, str):
        yield role, content
        return
    for part in content or ():
        kind = part["type"]
        if kind == "text":
            yield role, part["text"]
        elif kind == "thinking":
            yield "thinking", "".join(piece["text"] for piece in part["thinking"])
        elif kind == "image_url":
            yield "image", part["image_url"]["url"]
        elif kind == "file":
            yield _file(part["file"]["file_data"])
        else:
            yield "foreign", kind


def told_by_anthropic(body: Json) -> list[Item]:
    """A request, or the message of an answer, of Anthropic's dialect."""
    told = list(_anthropic_content(body.get("system"), "system"))
    for message in body["messages"]:
        told += _anthropic_content(message["content"], message["role"])
    return told


def _anthropic_content(content: Any, role: str) -> Iterator[Item]:
    if isinstance(content, str):
        yield role, content
        return
    for block in content or ():
        kind = block["type"]
        if kind == "text":
            yield role, block["text"]
        elif kind == "thinking":
            yield "thinking", block["thinking"]
        elif kind in ("image", "document"):
            yield _source(kind, block["source"])
        elif kind == "tool_use":
            yield "call", block["id"], block["name"], block["input"]
        elif kind == "tool_result":
            inner = list(_anthropic_content(block.get("content"), "user"))
            yield "result", block["tool_use_id"], "".join(it[1] for it in inner if it[0] == "user")
            yield from (item for item in inner if item[0] != "user")
        else:
            yield "foreign", kind


def _source(kind: str, source: Json) -> Item:
    if source["type"] == "text":
        return "user", source["data"]
    url = source.get("url") or f"data:{source['media_type']};base64,{source['data']}"
    return ("image", url) if kind == "image" else _file(url)


def _file(url: str) -> Item:
    """A file of plain text is words: each dialect writes it in its own way."""
    head, _, data = url.partition(";base64,")
    if head.startswith("data:text/"):
        return "user", base64.b64decode(data).decode()
    return "file", url


def arguments(text: str) -> Any:
    """Arguments parsed; what is no JSON stays text."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def told(items: Iterable[Item], *, but: Iterable[str] = ()) -> list[Item]:
    """The items of a request in the one order that all dialects can keep.

    System prompts first. In the turns of one side: the results before the words; thinking, words
    and calls each in their order. Words that follow each other are one text, empty ones nothing.
    ``but``: kinds that are left out.
    """
    kept = [it for it in items if it[0] not in but and not (it[0] in WORDS and not it[1].strip())]
    ordered = [item for item in kept if item[0] == "system"]
    for _, turn in groupby((it for it in kept if it[0] != "system"), _side):
        ordered += sorted(turn, key=_rank)
    return [item for group in _same_words(ordered) for item in group]


def _side(item: Item) -> str:
    return "model" if item[0] in ("assistant", "thinking", "call", "foreign") else "user"


def _rank(item: Item) -> int:
    return _FACES.get(item[0], 0 if item[0] == "result" else 1)


def _same_words(items: list[Item]) -> Iterator[list[Item]]:
    for kind, group in groupby(items, lambda item: item[0]):
        if kind in WORDS:
            yield [(kind, "\n\n".join(words for _, words in group))]
        else:
            yield list(group)


def finish_told(recording: Recording) -> str:
    """Why a recorded answer ended, in the gateway's words."""
    if recording.status != 200 or recording.kind == "embeddings":
        return ""
    if recording.is_stream:
        ends = [
            end
            for payload in recording.payloads
            for end in (
                *(choice.get("finish_reason") for choice in payload.get("choices") or ()),
                (payload.get("delta") or {}).get("stop_reason"),
            )
            if end
        ]
        return _ENDS[ends[-1]]
    body = recording.json
    return _ENDS[body["stop_reason"] if "content" in body else body["choices"][0]["finish_reason"]]


def usage_told(recording: Recording) -> dict[str, int]:
    """What a recorded answer says of its tokens, in the log's words."""
    if not recording.is_stream:
        return used(recording.json["usage"])
    said: Json = {}
    for payload in recording.payloads:
        start = (payload.get("message") or {}).get("usage") or {}
        said |= start | (payload.get("usage") or {})
    return used(said)


def used(said: Json) -> dict[str, int]:
    """A ``usage`` of either dialect in the log's words."""
    inputs = said.get("prompt_tokens_details") or {}
    details = said.get("completion_tokens_details") or said.get("output_tokens_details") or {}
    reasoning = details.get("reasoning_tokens") or details.get("thinking_tokens") or 0
    if "prompt_tokens" in said:
        read, short, hour = inputs.get("cached_tokens"), inputs.get("cache_write_tokens"), 0
        total, output = said["prompt_tokens"], said.get("completion_tokens", 0)
        read = read or said.get("prompt_cache_hit_tokens") or said.get("num_cached_tokens")
    else:
        hour = (said.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
        read, short = said.get("cache_read_input_tokens"), said.get("cache_creation_input_tokens")
        short = (short or 0) - hour
        total = said["input_tokens"] + (read or 0) + short + hour
        output = said["output_tokens"]
    return {
        "inputTokens": total,
        "outputTokens": output,
        "cachedInputTokens": read or 0,
        "cacheWriteInputTokens": short or 0,
        "cacheWrite1hInputTokens": hour,
        "reasoningTokens": reasoning,
    }



def besides(body: Json, items: Iterable[Item]) -> set[str]:
    """What the messages of a request say besides words, files and tools; its names."""
    names = {item[1] for item in items if item[0] == "foreign"}
    names |= {"thinking" for item in items if item[0] == "thinking"}
    for message in body["messages"]:
        known = ("role", "content", "tool_calls", "tool_call_id")
        names |= {f"messages.{name}" for name in message if name not in known}
    return names
