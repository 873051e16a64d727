"""Anthropic's content blocks, usage and stop reasons in the shape of ``shared.chat``, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from hyperstrate.shared.chat import (
    Dialect,
    Document,
    FinishReason,
    Foreign,
    Image,
    Json,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
)
from hyperstrate.shared.foreign_json import is_count

INVALID_JSON = "INVALID_JSON"
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_SOURCES = {
    "url": {"type", "url"},
    "base64": {"type", "media_type", "data"},
    "text": {"type", "media_type", "data"},
}
_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    "pause_turn": "pause",
}
_STOP_REASON: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
}


def parts_of(content: Any) -> list[Part]:
    """The parts of a ``content``: text, or a list of blocks.

    A block without words in the common shape, or not of its documented form, becomes Foreign.
    Raises ValueError for anything else.
    """
    if isinstance(content, str):
        return [Text(content)]
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise ValueError("must be a string or a list of content blocks")
    return [part_of(block) for block in content]


def part_of(block: Json) -> Part:
    """One block, never lossy: what does not fit stays in ``extra``, or the whole is Foreign."""
    read = _READERS.get(str(block.get("type")))
    return (read and read(block)) or Foreign(Dialect.ANTHROPIC_MESSAGES, block)


def rest(fields: Json, *known: str) -> Json:
    """What ``fields`` holds besides its ``type`` and the ``known``."""
    return {key: value for key, value in fields.items() if key != "type" and key not in known}


def _text(block: Json) -> Part | None:
    words = block.get("text")
    return Text(words, rest(block, "text")) if isinstance(words, str) else None


def _thinking(block: Json) -> Part | None:
    words, signature = block.get("thinking"), block.get("signature", "")
    if not isinstance(words, str) or not isinstance(signature, str):
        return None
    return Thinking(words, signature, extra=rest(block, "thinking", "signature"))


def _redacted(block: Json) -> Part | None:
    data = block.get("data")
    if not isinstance(data, str) or not data:
        return None
    return Thinking(redacted=data, extra=rest(block, "data"))


def _source(block: Json) -> Json | None:
    """The source of a picture or file, where it has the fields of its kind, all filled."""
    source = block.get("source")
    if not isinstance(source, dict) or source.keys() != _SOURCES.get(str(source.get("type"))):
        return None
    return source if all(isinstance(it, str) and it for it in source.values()) else None


def _image(block: Json) -> Part | None:
    source = _source(block)
    if source is None or source["type"] == "text":
        return None
    return Image(**rest(source), extra=rest(block, "source"))


def _document(block: Json) -> Part | None:
    source, title = _source(block), block.get("title") or ""
    if source is None or not isinstance(title, str):
        return None
    extra = rest(block, "source", "title")
    if source["type"] == "text":
        return Document(
            text=source["data"], media_type=source["media_type"], name=title, extra=extra
        )
    return Document(**rest(source), name=title, extra=extra)


def _tool_use(block: Json) -> Part | None:
    call_id, name, given = block.get("id"), block.get("name"), block.get("input")
    if not isinstance(call_id, str) or not isinstance(name, str) or not isinstance(given, dict):
        return None
    arguments = orjson.dumps(given).decode()
    return ToolCall(call_id, name, arguments, rest(block, "id", "name", "input"))


def _tool_result(block: Json) -> Part | None:
    call_id, is_error = block.get("tool_use_id"), block.get("is_error")
    if not isinstance(call_id, str) or not isinstance(is_error, bool | None):
        return None
    try:
        parts = parts_of(block.get("content") or [])
    except ValueError:
        return None
    extra = rest(block, "tool_use_id", "content", "is_error")
    return ToolResult(call_id, parts, bool(is_error), extra)


_READERS: dict[str, Callable[[Json], Part | None]] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "image": _image,
    "document": _document,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
}


def blocks_of(parts: Iterable[Part]) -> list[Json]:
    """The blocks for ``parts``; those of other dialects are left out."""
    return [block for part in parts if (block := block_of(part)) is not None]


def block_of(part: Part) -> Json | None:
    """The block for ``part``; None where Anthropic has no words for it."""
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, **part.extra}
    if isinstance(part, Thinking):
        return {**_thinking_block(part), **part.extra}
    if isinstance(part, ToolCall):
        given = input_of(part.arguments)
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": given, **part.extra}
    if isinstance(part, ToolResult):
        return _result_block(part)
    if isinstance(part, Image):
        return {"type": "image", "source": _source_of(part), **part.extra}
    if isinstance(part, Document):
        title = {"title": part.name} if part.name else {}
        return {"type": "document", "source": _source_of(part), **title, **part.extra}
    return part.body if part.dialect is Dialect.ANTHROPIC_MESSAGES else None


def content_of(parts: list[Part]) -> str | list[Json]:
    """``parts`` as a ``content``: plain words as a string, everything else as blocks."""
    if len(parts) == 1 and isinstance(parts[0], Text) and not parts[0].extra:
        return parts[0].text
    return blocks_of(parts)


def input_of(arguments: str) -> Any:
    """Tool arguments as the ``input`` of a tool_use block: the JSON object exactly as it came.

    What is not a JSON object goes as ``{"INVALID_JSON": text}``, Anthropic's own way to hand such
    arguments back (fine-grained tool streaming, "Handling invalid JSON in tool responses").
    """
    if not arguments.strip():
        return {}
    if is_object(arguments):
        return orjson.Fragment(arguments)
    return {INVALID_JSON: arguments}


def is_object(text: str) -> bool:
    """Whether ``text`` is one whole JSON object."""
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _thinking_block(part: Thinking) -> Json:
    if part.redacted:
        return {"type": "redacted_thinking", "data": part.redacted}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _result_block(part: ToolResult) -> Json:
    block: Json = {"type": "tool_result", "tool_use_id": part.call_id}
    if part.parts:
        block["content"] = content_of(part.parts)
    if part.is_error:
        block["is_error"] = True
    return {**block, **part.extra}


def _source_of(part: Image | Document) -> Json:
    if isinstance(part, Document) and part.text:
        media_type = part.media_type or "text/plain"
        return {"type": "text", "media_type": media_type, "data": part.text}
    if part.data:
        return {"type": "base64", "media_type": part.media_type, "data": part.data}
    if part.url.startswith("data:"):
        head, _, data = part.url[5:].partition(",")
        return {"type": "base64", "media_type": head.partition(";")[0], "data": data}
    return {"type": "url", "url": part.url}


def usage_of(said: Json) -> Usage:
    """Anthropic counts fresh, read and written input apart; ``input_tokens`` here is their sum.

    An estimated one, zero, where one of them cannot be.
    """
    if not all(is_count(said.get(name)) for name in _COUNTS):
        return Usage(is_estimated=True)
    split = said.get("cache_creation")
    split = split if isinstance(split, dict) else {}
    details = said.get("output_tokens_details")
    read = _count(said, "cache_read_input_tokens")
    hour = _count(split, "ephemeral_1h_input_tokens")
    written = _count(said, "cache_creation_input_tokens") or (
        hour + _count(split, "ephemeral_5m_input_tokens")
    )
    hour = min(hour, written)
    return Usage(
        input_tokens=_count(said, "input_tokens") + read + written,
        output_tokens=_count(said, "output_tokens"),
        cached_input_tokens=read,
        cache_write_input_tokens=written - hour,
        cache_write_1h_input_tokens=hour,
        reasoning_tokens=_count(details, "thinking_tokens") if isinstance(details, dict) else 0,
    )


def usage_json(usage: Usage, said: Json) -> Json:
    """``usage`` in Anthropic's words, over what the provider ``said`` besides."""
    short, hour = usage.cache_write_input_tokens, usage.cache_write_1h_input_tokens
    fresh = usage.input_tokens - usage.cached_input_tokens - short - hour
    words: Json = {
        **said,
        "input_tokens": max(0, fresh),
        "cache_creation_input_tokens": short + hour,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
    }
    if hour or said.get("cache_creation"):
        written = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": hour}
        words["cache_creation"] = written
    if usage.reasoning_tokens or said.get("output_tokens_details"):
        words["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return words


def _count(said: Json, name: str) -> int:
    number = said.get(name)
    return number if number and is_count(number) else 0


def finish_of(stop_reason: Any) -> FinishReason | None:
    """A reason that is not known yet counts as a plain end; None while there is none."""
    return _FINISH.get(stop_reason, "stop") if isinstance(stop_reason, str) else None


def stop_reason_of(reason: FinishReason | None, detail: str, sequence: str) -> str | None:
    """The stop_reason for the client.

    ``detail`` is Anthropic's own word, where it was the source; it stands while it says the same
    as ``reason``.
    """
    if reason is None:
        return None
    if sequence and reason == "stop":
        return "stop_sequence"
    return detail if detail and finish_of(detail) == reason else _STOP_REASON[reason]
