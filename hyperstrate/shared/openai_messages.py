"""Messages of OpenAI's dialect in the shape of ``shared.chat``; nothing in them is lost.

What the shape has no field for stays in ``extra``. Besides, ``extra`` says how a thing was written:
``content`` of a message (a list, or null), ``role`` of a system message, ``refusal`` of a Text (of
the ``message``, or a ``part``), ``words`` of a Thinking (the field where its words stand).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from hyperstrate.shared.chat import (
    Dialect,
    Document,
    Foreign,
    Image,
    Json,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

WORD_FIELDS = ("reasoning_content", "reasoning")


class Misshaped(ValueError):
    """What stands at ``place`` is not of the dialect; ``complaint`` is fit for the caller."""

    def __init__(self, place: str, complaint: str) -> None:
        super().__init__(f"{place}: {complaint}")
        self.place = place
        self.complaint = complaint


def rest(fields: Json, *known: str) -> Json:
    """What ``fields`` holds besides the ``known``."""
    return {key: value for key, value in fields.items() if key not in known}


def read_message(message: Json, place: str) -> Message:
    """One message of any role. Raises Misshaped."""
    role = message.get("role")
    if role == "assistant":
        return read_assistant(message, place)
    if role in ("tool", "function"):
        return _read_tool_message(message, place)
    if role not in ("system", "developer", "user"):
        raise Misshaped(f"{place}.role", "must be system, developer, user, assistant or tool")
    extra = rest(message, "role", "content")
    if role == "developer":
        extra["role"] = role
    parts = _read_content(message, extra, place)
    return Message("user" if role == "user" else "system", parts, extra)


def read_assistant(message: Json, place: str) -> Message:
    """The model's turn, in a request or in an answer. Raises Misshaped."""
    extra = rest(message, "role", "content", "tool_calls")
    parts = [*_read_thinking(extra), *_read_content(message, extra, place)]
    if isinstance(extra.get("refusal"), str):
        parts.append(Text(extra.pop("refusal"), {"refusal": "message"}))
    calls = message.get("tool_calls")
    if not calls:
        extra.update({"tool_calls": calls} if "tool_calls" in message else {})
        return Message("assistant", parts, extra)
    if not isinstance(calls, list):
        raise Misshaped(f"{place}.tool_calls", "must be a list")
    for index, call in enumerate(calls):
        parts.append(_read_call(call, index, f"{place}.tool_calls[{index}]"))
    return Message("assistant", parts, extra)


def _read_tool_message(message: Json, place: str) -> Message:
    call_id = message.get("tool_call_id", "")
    if not isinstance(call_id, str):
        raise Misshaped(f"{place}.tool_call_id", "must be a string")
    extra = rest(message, "content", "tool_call_id", "role")
    if message["role"] == "function":
        extra["role"] = "function"
    return Message("tool", [ToolResult(call_id, _read_content(message, extra, place), extra=extra)])


def _read_content(message: Json, extra: Json, place: str) -> list[Part]:
    content = message.get("content")
    if isinstance(content, str):
        return [Text(content)]
    if content is None:
        extra.update({"content": None} if "content" in message else {})
        return []
    if not isinstance(content, list):
        raise Misshaped(f"{place}.content", "must be a string or a list of parts")
    extra["content"] = []
    return [_read_part(part, f"{place}.content[{index}]") for index, part in enumerate(content)]


def _read_part(part: Any, place: str) -> Part:
    if not isinstance(part, dict):
        raise Misshaped(place, "must be an object")
    read = _READERS.get(str(part.get("type")))
    return (read and read(part)) or Foreign(Dialect.OPENAI_CHAT, part)


def _read_text(part: Json) -> Part | None:
    words = part.get("text")
    return Text(words, rest(part, "type", "text")) if isinstance(words, str) else None


def _read_refusal(part: Json) -> Part | None:
    words = part.get("refusal")
    return Text(words, {"refusal": "part"}) if isinstance(words, str) else None


def _read_image(part: Json) -> Part | None:
    said = part.get("image_url")
    url = said.get("url") if isinstance(said, dict) else said
    if not isinstance(url, str):
        return None
    extra = rest(part, "type", "image_url")
    if not isinstance(said, dict) or len(said) > 1:
        extra["image_url"] = rest(said, "url") if isinstance(said, dict) else ""
    media_type, data = _inline(url)
    return Image("" if data else url, data, media_type, extra)


def _read_file(part: Json) -> Part | None:
    said = part.get("file")
    if not isinstance(said, dict) or not isinstance(said.get("file_data"), str):
        return None
    name = said.get("filename", "")
    media_type, data = _inline(said["file_data"])
    if not isinstance(name, str) or not (data or said["file_data"].startswith("http")):
        return None
    extra = rest(part, "type", "file")
    if others := rest(said, "file_data", *(["filename"] if name else [])):
        extra["file"] = others
    url = "" if data else said["file_data"]
    return Document(url, data, media_type, name=name, extra=extra)


def _read_thinking_part(part: Json) -> Part | None:
    """Mistral's: the words stand in a list of texts."""
    pieces = part.get("thinking")
    if not isinstance(pieces, list) or not all(isinstance(piece, dict) for piece in pieces):
        return None
    return Thinking(words_of(pieces), extra={"words": "content", "part": part})


def words_of(pieces: list[Json]) -> str:
    """The words of a list of texts."""
    return "".join(str(piece.get("text", "")) for piece in pieces)


_READERS: dict[str, Callable[[Json], Part | None]] = {
    "text": _read_text,
    "refusal": _read_refusal,
    "image_url": _read_image,
    "file": _read_file,
    "thinking": _read_thinking_part,
}


def _inline(url: str) -> tuple[str, str]:
    """Media type and data of a base64 data: URL without parameters; empty for all others."""
    head, comma, data = url.partition(";base64,")
    if not comma or not head.startswith("data:") or ";" in head or not data:
        return "", ""
    return head[5:], data


def _read_thinking(extra: Json) -> list[Part]:
    """Take the thinking out of a message's fields: signed blocks, or plain words."""
    blocks = extra.get("thinking_blocks")
    if isinstance(blocks, list) and blocks and all(_is_block(block) for block in blocks):
        del extra["thinking_blocks"]
        said = "".join(block.get("thinking") or "" for block in blocks)
        if said and extra.get("reasoning_content") == said:
            del extra["reasoning_content"]
            return [_read_block(block, "reasoning_content") for block in blocks]
        return [_read_block(block, "") for block in blocks]
    for field in WORD_FIELDS:
        if isinstance(extra.get(field), str):
            mark = {} if field == WORD_FIELDS[0] else {"words": field}
            return [Thinking(extra.pop(field), extra=mark)]
    return []


def _is_block(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    words = [block.get(name) or "" for name in ("thinking", "signature", "data")]
    return all(isinstance(word, str) for word in words)


def _read_block(block: Json, words: str) -> Thinking:
    extra = rest(block, "type", "thinking", "signature", "data")
    if words != WORD_FIELDS[0]:
        extra["words"] = words
    signature, redacted = block.get("signature") or "", block.get("data") or ""
    if not signature and not redacted:
        extra["is_block"] = True
    return Thinking(block.get("thinking") or "", signature, redacted, extra)


def _read_call(call: Any, index: int, place: str) -> Part:
    if not isinstance(call, dict):
        raise Misshaped(place, "must be an object")
    function = call.get("function")
    if call.get("type", "function") != "function":
        return Foreign(Dialect.OPENAI_CHAT, call)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Misshaped(f"{place}.function.name", "must be a string")
    extra = rest(call, "id", "function", "type")
    if others := rest(function, "name", "arguments"):
        extra["function"] = others
    call_id = call.get("id")
    known_id = call_id if isinstance(call_id, str) and call_id else f"call_{index}"
    return ToolCall(known_id, function["name"], arguments_of(function), extra)


def arguments_of(function: Json) -> str:
    """The arguments as JSON text, exactly as they came; some providers send an object."""
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else orjson.dumps(arguments).decode()
