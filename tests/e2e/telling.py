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
_KINDS = ("text", "image", "image_url", "document", "file", "thinking", "tool_use", "tool_result")
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
        yield "call", call["id"], function["name"], arguments(function.get("arguments", ""))


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

    System prompts first; where there is nothing else, they are the user's. In the turns of one
    side: the results before the words; thinking, words and calls each in their order. Words that
    follow each other are one text, empty ones nothing.
    ``but``: kinds that are left out.
    """
    kept = [it for it in items if it[0] not in but and not (it[0] in WORDS and not it[1].strip())]
    ordered = [item for item in kept if item[0] == "system"]
    if len(ordered) == len(kept):
        return [("user", words) for _, words in _said(ordered)]
    for _, turn in groupby((it for it in kept if it[0] != "system"), _side):
        ordered += sorted(turn, key=_rank)
    return _said(ordered)


def _side(item: Item) -> str:
    return "model" if item[0] in ("assistant", "thinking", "call", "foreign") else "user"


def _rank(item: Item) -> int:
    return _FACES.get(item[0], 0 if item[0] == "result" else 1)


def _said(items: list[Item]) -> list[Item]:
    said: list[Item] = []
    for kind, group in groupby(items, lambda item: item[0]):
        if kind in WORDS:
            said.append((kind, "\n\n".join(words for _, words in group)))
        else:
            said += group
    return said


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


def besides(body: Json) -> set[str]:
    """What messages and tools say besides words, calls and schemas; the names of it."""
    names: set[str] = set()
    for message in body["messages"]:
        own = ("role", "content", "tool_calls", "tool_call_id")
        names |= {f"messages.{name}" for name in message if message[name] and name not in own}
    system = body.get("system")
    for content in [system, *(message.get("content") for message in body["messages"])]:
        names |= _besides_words(content)
    if any(tool.get("cache_control") for tool in body.get("tools") or ()):
        names.add("cache_control")
    return names


def _besides_words(content: Any) -> set[str]:
    names = set()
    for part in content if isinstance(content, list) else ():
        names |= {name for name in ("cache_control", "prompt_cache_breakpoint") if part.get(name)}
        names |= {"is_error"} if part.get("is_error") else set()
        names |= {part["type"]} if part["type"] not in _KINDS else set()
        names |= _besides_words(part.get("content")) if part["type"] == "tool_result" else set()
        names |= {"thinking"} if part["type"] == "thinking" else set()
    return names


def answer_of_openai(message: Json) -> list[Item]:
    """The message of an answer of OpenAI's dialect."""
    return list(_openai_message({"role": "assistant", **message}))


def answer_of_anthropic(message: Json) -> list[Item]:
    """An answer of Anthropic's dialect."""
    return list(_anthropic_content(message["content"], "assistant"))


def told_in_answer(items: list[Item]) -> list[Item]:
    """Thinking, words and calls, each in their order; thinking and words as one text each."""
    said: list[Item] = []
    for kind in ("thinking", "assistant"):
        words = "".join(item[1] for item in items if item[0] == kind)
        said += [(kind, words)] if words else []
    return said + [item for item in items if item[0] == "call"]


def besides_in_answer(blocks: list[Json]) -> set[str]:
    """What an answer of Anthropic says that OpenAI's dialect has no words for."""
    names = {block["type"] for block in blocks if block["type"] not in _KINDS}
    return names | {"citations" for block in blocks if block.get("citations")}


def numbered(items: list[Item]) -> list[Item]:
    """The items with a number for each id, for a provider that wants ids of its own form."""
    ids = list(dict.fromkeys(item[1] for item in items if item[0] in ("call", "result")))
    return [
        (item[0], ids.index(item[1]), *item[2:]) if item[0] in ("call", "result") else item
        for item in items
    ]
