"""A mock provider that costs almost no CPU: fixed answers, written ahead.

Non-streaming: one JSON answer. Streaming: ``--chunks`` events, ``--interval`` seconds apart, each
with the monotonic time at which it was sent, so that a client on the same machine can measure.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time

ANSWER = (
    b'{"id":"chatcmpl-bench","object":"chat.completion","created":1750000000,"model":"gpt-4o-mini",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":"' + b"word " * 60 + b'",'
    b'"refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":20,'
    b'"completion_tokens":60,"total_tokens":80},"system_fingerprint":"fp_bench"}'
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
REPLY = HEAD % len(ANSWER) + ANSWER
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
EVENT = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1750000000,'
    b'"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"%d "},"finish_reason":null}]}'
    b"\n\n"
)
END = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1750000000,'
    b'"model":"gpt-4o-mini","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1750000000,'
    b'"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":60,'
    b'"total_tokens":80}}\n\ndata: [DONE]\n\n'
)


def framed(data: bytes) -> bytes:
    """``data`` as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Connection(asyncio.Protocol):
    """One client connection, kept alive."""

    def __init__(self, chunks: int, interval: float) -> None:
        self.chunks = chunks
        self.interval = interval
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.answer(body)

    def answer(self, body: bytes) -> None:
        if b'"stream":true' not in body and b'"stream": true' not in body:
            self.transport.write(REPLY)
            return
        self.transport.write(STREAM_HEAD)
        self.send(self.chunks)

    def send(self, left: int) -> None:
        if self.transport.is_closing():
            return
        if not left:
            self.transport.write(framed(END) + b"0\r\n\r\n")
            return
        self.transport.write(framed(EVENT % time.monotonic_ns()))
        asyncio.get_running_loop().call_later(self.interval, self.send, left - 1)


async def serve(port: int, chunks: int, interval: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(chunks, interval), "127.0.0.1", port, backlog=8192
    )
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chunks", type=int, default=50)
    parser.add_argument("--interval", type=float, default=0.2)
    options = parser.parse_args()
    gc.disable()  # its pauses would count as the gateway's
    asyncio.run(serve(options.port, options.chunks, options.interval))
