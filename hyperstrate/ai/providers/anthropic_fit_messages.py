"""Turns of another dialect, put into the order and form that Anthropic asks for."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace

from hyperstrate.shared.chat import (
    Dialect,
    Document,
    Foreign,
    Json,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

_NO_ID = re.compile(r"[^a-zA-Z0-9_-]")
_FORM = ("type", "index")


def fit_messages(messages: list[Message], dropped: list[str]) -> list[Message]:
    """All system prompts first; each group of tool results right behind the turn that called.

    A conversation of system prompts alone is said by the user, for Anthropic wants a turn.
    Nothing is invented: a call without its result stays so.
    """
    fitted = [kept for message in messages if (kept := _message(message, dropped)).parts]
    system = [message for message in fitted if message.role == "system"]
    turns = _results_first([message for message in fitted if message.role != "system"])
    if not turns:
        return [replace(message, role="user") for message in system]
    return [*system, *turns]


def keep_cache_control(extra: Json, dropped: list[str], place: str = "") -> Json:
    """Of the words of another dialect only ``cache_control`` is Anthropic's too."""
    known = ("cache_control", *_FORM)
    dropped += [place + key for key, value in extra.items() if value and key not in known]
    return {"cache_control": extra["cache_control"]} if extra.get("cache_control") else {}


def _results_first(messages: list[Message]) -> list[Message]:
    turns: list[Message] = []
    others: list[Message] = []
    for message in messages:
        if message.role == "assistant":
            turns += [*others, message]
            others = []
        elif message.role == "tool":
            turns.append(message)
        else:
            others.append(message)
    return turns + others


def _message(message: Message, dropped: list[str]) -> Message:
    dropped += [f"messages.{key}" for key, it in message.extra.items() if it and key != "role"]
    parts = [part for it in message.parts if (part := _part(it, dropped)) is not None]
    if message.role == "assistant":
        parts.sort(key=lambda part: not isinstance(part, Thinking))
    return Message(message.role, parts)


def _part(part: Part, dropped: list[str]) -> Part | None:
    if isinstance(part, Foreign):
        return _foreign(part, dropped)
    if isinstance(part, Thinking) and not part.signature and not part.redacted:
        dropped.append("thinking")
        return None
    if isinstance(part, Text) and not part.text.strip():
        return None
    part = replace(part, extra=keep_cache_control(part.extra, dropped))
    if isinstance(part, ToolCall):
        return replace(part, id=_NO_ID.sub("_", part.id))
    if isinstance(part, ToolResult):
        inner = [kept for it in part.parts if (kept := _part(it, dropped)) is not None]
        return replace(part, call_id=_NO_ID.sub("_", part.call_id), parts=inner)
    return _as_text(part) if isinstance(part, Document) else part


def _foreign(part: Foreign, dropped: list[str]) -> Part | None:
    if part.dialect is Dialect.ANTHROPIC_MESSAGES:
        return part
    dropped.append(str(part.body.get("type", "unknown")))
    return None


def _as_text(part: Document) -> Document:
    """Anthropic takes PDFs as base64, and plain text as text."""
    if not part.data or not part.media_type.startswith("text/"):
        return part
    try:
        words = base64.b64decode(part.data).decode()
    except (binascii.Error, UnicodeDecodeError):
        return part
    return replace(part, data="", text=words, media_type="text/plain")
