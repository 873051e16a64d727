"""A finished answer as bytes and back, for the stages that keep answers."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import orjson

from hyperstrate.shared.chat import (
    ChatResult,
    Dialect,
    Document,
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

VERSION = 2
_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Text, Image, Document, Thinking, ToolCall, ToolResult, Foreign)
}
_PLAIN = ("finish_reason", "finish_detail", "stop_sequence", "id", "model", "dropped")


def pack(result: ChatResult) -> bytes:
    """``result`` without its cost and times: a line of JSON, then the raw answer."""
    line: Json = {name: getattr(result, name) for name in _PLAIN}
    line |= {
        "version": VERSION,
        "dialect": result.dialect.value,
        "parts": [_plain(part) for part in result.parts],
        "others": [[_plain(part) for part in choice] for choice in result.others],
        "is_raw": result.raw is not None,
        "usage": asdict(result.usage) if result.has_usage else None,
    }
    if result.raw is None:
        line["body"] = result.body
    return orjson.dumps(line) + b"\n" + (result.raw or b"")


def unpack(packed: bytes) -> ChatResult | None:
    """What :func:`pack` was given, its cost zero; None for bytes of another version.

    Its usage is that of the first call, for the client, which finds the same in the raw answer.
    The log says what this request used: no tokens, no cost, and the kind of the cache.
    """
    head, _, raw = packed.partition(b"\n")
    try:
        line: Json = orjson.loads(head)
        if line["version"] != VERSION:
            return None
        return ChatResult(
            dialect=Dialect(line["dialect"]),
            parts=[_part(plain) for plain in line["parts"]],
            others=[[_part(plain) for plain in choice] for choice in line["others"]],
            raw=raw if line["is_raw"] else None,
            body=orjson.loads(raw) if line["is_raw"] else line["body"],
            usage=Usage(**(line["usage"] or {})),
            has_usage=line["usage"] is not None,
            **{name: line[name] for name in _PLAIN},
        )
    except (ValueError, KeyError, TypeError):
        return None


def _plain(part: Part) -> Json:
    plain: Json = {field.name: getattr(part, field.name) for field in fields(part)}
    if isinstance(part, ToolResult):
        plain["parts"] = [_plain(inner) for inner in part.parts]
    return {"kind": type(part).__name__, **plain}


def _part(plain: Json) -> Part:
    values = dict(plain)
    kind = _KINDS[values.pop("kind")]
    if kind is ToolResult:
        values["parts"] = [_part(inner) for inner in values["parts"]]
    if kind is Foreign:
        values["dialect"] = Dialect(values["dialect"])
    part: Part = kind(**values)
    return part
