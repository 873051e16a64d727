"""What DUMMY says: completions, streams, embeddings and refusals in OpenAI's words."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from hyperstrate.ai.providers.base import Json
from hyperstrate.ai.tokens import estimate_tokens

DIMENSIONS = 256
MAX_DIMENSIONS = 4096
CREATED = 1_700_000_000
MAX_CHUNKS = 10_000
_EXAMPLES: dict[str, Any] = {
    "string": "example", "number": 1.5, "integer": 1, "boolean": True, "array": [], "object": {},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """An answer before it has its form: words, or a call of ``tool`` with ``arguments``."""

    text: str
    tool: str
    arguments: str
    usage: Json

    @classmethod
    def of(
        cls,
        body: Json,
        *,
        text: str,
        tool: str,
        input_tokens: int | None,
        output_tokens: int | None,
        has_wrong_usage: bool,
    ) -> Said:
        """What is answered to ``body``; words and numbers that were given stand."""
        called = None if text else _tool(body, tool)
        words = "" if called else text or _reply(body)
        arguments = orjson.dumps(_arguments(called)).decode() if called else ""
        used = input_tokens if input_tokens is not None else _input_tokens(body)
        made = output_tokens if output_tokens is not None else estimate_tokens(words + arguments)
        usage: Json = {"prompt_tokens": used, "completion_tokens": made,
                       "total_tokens": used + made}  # fmt: skip
        if has_wrong_usage:
            usage = {"prompt_tokens": -1, "completion_tokens": "many", "total_tokens": None}
        return cls(words, called["name"] if called else "", arguments, usage)

    @property
    def finish_reason(self) -> str:
        return "tool_calls" if self.tool else "stop"


def completion(body: Json, said: Said) -> bytes:
    """A whole chat completion."""
    message: Json = {"role": "assistant", "content": said.text or None}
    if said.tool:
        call = {"name": said.tool, "arguments": said.arguments}
        message["tool_calls"] = [{"id": _id("call", body), "type": "function", "function": call}]
    choice = {"index": 0, "message": message, "finish_reason": said.finish_reason}
    frame = _frame(body, "chat.completion")
    return orjson.dumps({**frame, "choices": [choice], "usage": said.usage})


def stream(body: Json, said: Said, chunks: int) -> list[bytes]:
    """The events of a streamed completion; the words come in ``chunks``, one word each if zero."""
    deltas: list[Json] = [{"role": "assistant", "content": None if said.tool else ""}]
    if said.tool:
        head = {"name": said.tool, "arguments": ""}
        call = {"index": 0, "id": _id("call", body), "type": "function", "function": head}
        deltas.append({"tool_calls": [call]})
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
                   for piece in _pieces(said.arguments, chunks or 2)]  # fmt: skip
    else:
        words = _pieces(said.text, chunks) if chunks else said.text.replace(" ", "\0 ").split("\0")
        deltas += [{"content": piece} for piece in words]
    frame = _frame(body, "chat.completion.chunk")
    payloads = [{**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
                for delta in deltas]  # fmt: skip
    end = {"index": 0, "delta": {}, "finish_reason": said.finish_reason}
    payloads.append({**frame, "choices": [end]})
    if (body.get("stream_options") or {}).get("include_usage"):
        payloads.append({**frame, "choices": [], "usage": said.usage})
    return [b"data: %s\n\n" % orjson.dumps(payload) for payload in payloads] + [b"data: [DONE]\n\n"]


def embeddings(body: Json) -> bytes:
    """A vector for each input: texts that share words are near. Raises ValueError."""
    given = body.get("input", "")
    inputs = given if isinstance(given, list) and not _is_tokens(given) else [given]
    size = DIMENSIONS if body.get("dimensions") is None else body["dimensions"]
    if not isinstance(size, int) or not 0 < size <= MAX_DIMENSIONS:
        raise ValueError(f"dimensions must be a whole number from 1 to {MAX_DIMENSIONS}")
    rows = [_vector(str(item), size) for item in inputs]
    as_base64 = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(row) if as_base64 else row}
        for index, row in enumerate(rows)
    ]
    used = sum(estimate_tokens(str(item)) for item in inputs)
    usage = {"prompt_tokens": used, "total_tokens": used}
    return orjson.dumps(
        {"object": "list", "data": data, "model": body.get("model", ""), "usage": usage}
    )


def error(status: int, message: str) -> bytes:
    """A refusal."""
    kind = "rate_limit_error" if status == 429 else "server_error"
    kind = "invalid_request_error" if status == 400 else kind
    said = {"message": message, "type": kind, "param": None, "code": None}
    return orjson.dumps({"error": said})


def last_words(body: Json) -> str:
    """The text of the last user message, or of the input to embed."""
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            return _text(message.get("content"))
    given = body.get("input")
    return given if isinstance(given, str) else ""


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _asked(body: Json) -> str:
    """What the user said, without directives."""
    lines = last_words(body).splitlines()
    return "\n".join(line for line in lines if not line.startswith("/dummy ")).strip()


def _reply(body: Json) -> str:
    messages = body.get("messages") or [{}]
    if messages[-1].get("role") == "tool":
        return f"The tool answered: {_text(messages[-1].get('content'))[:500]}"
    asked = _asked(body)
    if not asked:
        return "Hello! This is the dummy model."
    return f"You said: “{asked[:500]}”. This is the dummy model: it needs no key and no network."


def _tool(body: Json, name: str) -> Json | None:
    """The function to call: the named one, or one that the user speaks of."""
    functions: list[Json] = [tool["function"] for tool in body.get("tools") or []
                             if isinstance(tool.get("function"), dict)]  # fmt: skip
    messages = body.get("messages") or [{}]
    if messages[-1].get("role") == "tool" or body.get("tool_choice") == "none":
        return None
    asked = _asked(body).lower()
    for function in functions:
        if function.get("name") == name or (not name and function["name"].lower() in asked):
            return function
    return functions[0] if functions and _must_call(body) else None


def _must_call(body: Json) -> bool:
    return body.get("tool_choice") not in (None, "auto")


def _arguments(function: Json) -> Json:
    """Arguments that fit the function's schema: an example for each required property."""
    schema = function.get("parameters") or {}
    known = schema.get("properties") or {}
    return {name: _example(known.get(name) or {}) for name in schema.get("required") or known}


def _example(schema: Json) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    return _EXAMPLES.get(str(schema.get("type")), "example")


def _input_tokens(body: Json) -> int:
    return sum(4 + estimate_tokens(_text(message.get("content")))
               for message in body.get("messages") or [])  # fmt: skip


def _frame(body: Json, kind: str) -> Json:
    model = body.get("model") or "dummy"
    return {"id": _id("chatcmpl", body), "object": kind, "created": CREATED, "model": model}


def _id(kind: str, body: Json) -> str:
    return f"{kind}-dummy-{zlib.crc32(last_words(body).encode('utf-8', 'replace')):08x}"


def _pieces(text: str, count: int) -> list[str]:
    """``text`` in ``count`` pieces, or as many as it has letters."""
    count = max(1, min(count, len(text), MAX_CHUNKS))
    ends = [len(text) * number // count for number in range(count + 1)]
    return [text[start:end] for start, end in pairwise(ends)]


def _is_tokens(given: list[Any]) -> bool:
    return bool(given) and isinstance(given[0], int)


def _vector(text: str, size: int) -> list[float]:
    row = [0.0] * size
    for word in text.lower().split() or [""]:
        row[zlib.crc32(word.encode("utf-8", "replace")) % size] += 1.0
    length = math.sqrt(sum(value * value for value in row))
    return [value / length for value in row]


def _packed(row: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode()
