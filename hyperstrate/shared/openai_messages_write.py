"""Messages of the shape of ``shared.chat`` written in OpenAI's dialect."""

from __future__ import annotations

from typing import Any, TypeGuard

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
from hyperstrate.shared.openai_messages import WORD_FIELDS, rest, words_of


def write_messages(messages: list[Message]) -> list[Json]:
    """The messages as JSON; each tool result is a message of its own."""
    return [line for message in messages for line in _write(message)]


def _write(message: Message) -> list[Json]:
    if message.role == "tool":
        return [_write_result(part) for part in message.parts if isinstance(part, ToolResult)]
    if message.role == "assistant":
        return [write_assistant(message)]
    extra = rest(message.extra, "content", "role")
    role = message.extra.get("role", message.role)
    return [{"role": role, "content": _write_content(message.parts, message.extra), **extra}]


def _write_result(result: ToolResult) -> Json:
    line: Json = {"role": result.extra.get("role", "tool")}
    if result.call_id:
        line["tool_call_id"] = result.call_id
    line["content"] = _write_content(result.parts, result.extra)
    return {**line, **rest(result.extra, "content", "role")}


def write_assistant(message: Message) -> Json:
    """The model's turn as JSON; ``content`` is null where it only calls tools or refuses."""
    spoken: list[Part] = []
    line: Json = {"role": "assistant", "content": None}
    for part in message.parts:
        if isinstance(part, ToolCall):
            line.setdefault("tool_calls", []).append(write_call(part))
        elif _is_custom_call(part):
            line.setdefault("tool_calls", []).append(part.body)
        elif isinstance(part, Thinking):
            _write_thinking(part, line, spoken)
        elif isinstance(part, Text) and part.extra.get("refusal") == "message":
            line["refusal"] = part.text
        elif not isinstance(part, Foreign) or part.dialect is Dialect.OPENAI_CHAT:
            spoken.append(part)
    if spoken or "content" in message.extra:
        line["content"] = _write_content(spoken, message.extra)
    return {**line, **rest(message.extra, "content", *line)}


def _is_custom_call(part: Part) -> TypeGuard[Foreign]:
    """A call of another type than ``function``: it has an id, and a field named as its type."""
    if not isinstance(part, Foreign) or part.dialect is not Dialect.OPENAI_CHAT:
        return False
    return "id" in part.body and str(part.body.get("type")) in part.body


def write_call(call: ToolCall) -> Json:
    """A tool call as JSON."""
    function = {"name": call.name, "arguments": call.arguments, **call.extra.get("function", {})}
    others = rest(call.extra, "function")
    return {"id": call.id, "type": "function", "function": function, **others}


def _write_thinking(part: Thinking, line: Json, spoken: list[Part]) -> None:
    """Its words in their field, and a block of its own when it must come back unharmed."""
    words = part.extra.get("words", WORD_FIELDS[0])
    if words == "content":
        spoken.append(part)
    elif words and not part.redacted:
        line[words] = line.get(words, "") + part.text
    if part.signature or part.redacted or part.extra.get("is_block"):
        line.setdefault("thinking_blocks", []).append(block_of(part))


def block_of(part: Thinking) -> Json:
    """A Thinking as one of the ``thinking_blocks``, in Anthropic's words."""
    others = rest(part.extra, "words", "is_block")
    if part.redacted:
        return {"type": "redacted_thinking", "data": part.redacted, **others}
    signature = {"signature": part.signature} if part.signature else {}
    return {"type": "thinking", "thinking": part.text, **signature, **others}


def _write_content(parts: list[Part], extra: Json) -> Any:
    """A string where there is one plain text and nobody wrote a list, else a list of parts."""
    form = extra.get("content", "")
    if form != [] and len(parts) == 1 and isinstance(parts[0], Text) and not parts[0].extra:
        return parts[0].text
    pieces = [piece for part in parts if (piece := _write_part(part)) is not None]
    return pieces or form


def _write_part(part: Part) -> Json | None:
    if isinstance(part, Text):
        if part.extra.get("refusal"):
            return {"type": "refusal", "refusal": part.text}
        return {"type": "text", "text": part.text, **part.extra}
    if isinstance(part, Image):
        return _write_image(part)
    if isinstance(part, Document):
        return _write_file(part)
    if isinstance(part, Thinking):
        return _write_thinking_part(part)
    if isinstance(part, Foreign) and part.dialect is Dialect.OPENAI_CHAT:
        return part.body
    return None


def _write_image(part: Image) -> Json:
    url = f"data:{part.media_type};base64,{part.data}" if part.data else part.url
    said = part.extra.get("image_url", {})
    written = {"url": url, **said} if isinstance(said, dict) else url
    return {"type": "image_url", "image_url": written, **rest(part.extra, "image_url")}


def _write_file(part: Document) -> Json:
    data = f"data:{part.media_type};base64,{part.data}" if part.data else part.url
    written = {"file_data": data, **part.extra.get("file", {})}
    if part.name:
        written["filename"] = part.name
    return {"type": "file", "file": written, **rest(part.extra, "file")}


def _write_thinking_part(part: Thinking) -> Json:
    said: Json = part.extra.get("part", {})
    if words_of(said.get("thinking", [])) == part.text:
        return said
    return {**said, "type": "thinking", "thinking": [{"type": "text", "text": part.text}]}
