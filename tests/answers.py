"""What a scripted provider answers: JSON, streams, and every fault of a real one."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import orjson

from tests.upstreams import Answer, Connection, Gone

Ending = Literal["end", "cut", "stall", "reset", "malformed"]
OPENAI_USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """The status line and the headers of an answer."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode()


def raw(*blocks: bytes, close: bool = True, delay_s: float = 0) -> Answer:
    """These bytes as they are, each sent by itself, ``delay_s`` apart; then the end, if ``close``.

    With many small blocks this is the slow drip.
    """

    def play(connection: Connection) -> None:
        for block in blocks:
            connection.send(block)
            if delay_s:
                connection.pause(delay_s)
        if close:
            connection.finish()
            raise Gone

    return Answer(play)


def body(
    content: bytes,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    close: bool = False,
) -> Answer:
    """A whole answer with its content-length. ``close``: the provider closes without a word."""
    given = {"content-type": "application/json", **(headers or {})}
    length = {"content-length": str(len(content))}
    return raw(head(status, {**given, **length}) + content, close=close)


def json(payload: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    return body(orjson.dumps(payload), status, headers)


def html(status: int = 200) -> Answer:
    """The page of some proxy in between."""
    return body(b"<html><body>Bad gateway</body></html>", status, {"content-type": "text/html"})


def error(
    status: int, message: str = "It broke", headers: Mapping[str, str] | None = None
) -> Answer:
    """A refusal in the words of OpenAI: 500, 529, 401 ..."""
    payload = {"error": {"message": message, "type": "scripted", "code": None, "param": None}}
    return json(payload, status, headers)


def rate_limited(retry_after: float = 1) -> Answer:
    """429 with Retry-After in seconds."""
    return error(429, "Slow down", {"retry-after": f"{retry_after:g}"})


def event(payload: Any, name: str = "") -> bytes:
    """One event of a stream; ``payload`` is text or something for JSON."""
    data = payload if isinstance(payload, str) else orjson.dumps(payload).decode()
    return f"event: {name}\ndata: {data}\n\n".encode() if name else f"data: {data}\n\n".encode()


def sse(
    events: Iterable[bytes | str | dict[str, Any]],
    *,
    ending: Ending = "end",
    delay_s: float = 0,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A stream, an HTTP chunk for each event (bytes as they are, others through ``event``).

    Then its proper ``end``, or: ``cut`` closes without the last chunk, ``stall`` is silent until
    released and then ends, ``reset`` sends a RST, ``malformed`` breaks the framing.
    """
    given = {"content-type": "text/event-stream", **(headers or {}), "transfer-encoding": "chunked"}
    blocks = [item if isinstance(item, bytes) else event(item) for item in events]

    def play(connection: Connection) -> None:
        connection.send(head(200, given))
        for block in blocks:
            connection.send(b"%x\r\n%s\r\n" % (len(block), block))
            connection.pause(delay_s)
        _end(connection, ending)

    return Answer(play)


def _end(connection: Connection, ending: Ending) -> None:
    if ending == "reset":
        connection.reset()
    if ending == "stall":
        connection.pause(None)
    if ending == "malformed":
        connection.send(b"zzz\r\nno chunk\r\n")
    if ending in ("cut", "malformed"):
        connection.finish()
        raise Gone
    connection.send(b"0\r\n\r\n")


def silent(then: Answer | None = None) -> Answer:
    """Nothing until the provider is released; then this answer, or the end."""

    def play(connection: Connection) -> None:
        connection.pause(None)
        (then or raw()).play(connection)

    return Answer(play)


def reset() -> Answer:
    """A RST before the first byte."""
    return Answer(Connection.reset)


def truncated(payload: Any, missing: int = 10) -> Answer:
    """JSON whose declared length is never reached."""
    content = orjson.dumps(payload)
    given = {"content-type": "application/json", "content-length": str(len(content) + missing)}
    return raw(head(200, given) + content)


def oversized(size: int) -> Answer:
    """A chunked body of ``size`` bytes, never declared."""
    block = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    given = {"content-type": "application/json", "transfer-encoding": "chunked"}
    return raw(head(200, given), *[block] * (size // 65536 + 1), b"0\r\n\r\n", close=False)


def refused_url() -> str:
    """An address on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def openai(text: str = "Hello", *, model: str = "gpt-4o", **fields: Any) -> Answer:
    """A chat completion: 10 tokens in, 2 out. ``fields`` replace those of its message."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **fields}}
    return json(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{**choice, "finish_reason": "stop"}],
            "usage": OPENAI_USAGE,
        }
    )


def openai_events(*words: str, model: str = "gpt-4o") -> list[bytes]:
    """The events of a streamed chat completion: role, words, finish, usage, [DONE]."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in words]
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
    ]
    choices += [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    chunks = [{**frame, "choices": [choice]} for choice in choices]
    last = {**frame, "choices": [], "usage": OPENAI_USAGE}
    return [*map(event, chunks), event(last), event("[DONE]")]


def openai_stream(*words: str, ending: Ending = "end", delay_s: float = 0) -> Answer:
    return sse(openai_events(*words), ending=ending, delay_s=delay_s)


def anthropic(text: str = "Hello", *, model: str = "claude-sonnet-4-5", **fields: Any) -> Answer:
    """A message: 10 tokens in, 2 out. ``fields`` replace those of the message."""
    return json({**_message(model), "content": [{"type": "text", "text": text}], **fields})


def anthropic_events(*words: str, model: str = "claude-sonnet-4-5") -> list[bytes]:
    """The events of a streamed message with one text block."""
    start: dict[str, Any] = {**_message(model), "content": [], "stop_reason": None}
    deltas = [{"type": "text_delta", "text": word} for word in words]
    payloads: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ]
    return [event(payload, payload["type"]) for payload in payloads]


def anthropic_stream(*words: str, ending: Ending = "end", delay_s: float = 0) -> Answer:
    return sse(anthropic_events(*words), ending=ending, delay_s=delay_s)


def _message(model: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 2},
    }
