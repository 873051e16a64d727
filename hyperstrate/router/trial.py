"""Try a router: one request through the real pipeline, and everything that is to be seen of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import orjson

from hyperstrate.router.paths import INFER, INFER_STREAM, Path
from hyperstrate.router.proxy import Call, Proxy
from hyperstrate.shared import sse
from hyperstrate.shared.guards import Caller


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``bypasses_cache``: even if it was answered before."""

    prompt: str
    system_prompt: str = ""
    is_stream: bool = False
    bypasses_cache: bool = False

    def body(self) -> bytes:
        """The request in the gateway's own dialect."""
        fields = {"prompt": self.prompt}
        if self.system_prompt:
            fields["systemPrompt"] = self.system_prompt
        return orjson.dumps({"fields": fields, "bypassCache": self.bypasses_cache})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the client of this request would have got. ``facts``: the answer's JSON, or a stream's
    last event; ``received``: the bytes as they came. ``error`` is empty when all went well."""

    status: int
    headers: list[tuple[str, str]]
    facts: dict[str, Any]
    received: str
    text: str
    error: str
    steps: list[dict[str, Any]]
    total_ms: float
    first_word_ms: float | None

    def header(self, name: str) -> str:
        """One of the headers; empty when it was not sent."""
        return dict(self.headers).get(name, "")


class Trial:
    """One request under way: iterate over the words of its answer, then ask for the outcome."""

    def __init__(self, proxy: Proxy, caller: Caller, router_id: str, question: Question) -> None:
        self._started = perf_counter()
        self._call = Call(
            path=Path("router", router_id, INFER_STREAM if question.is_stream else INFER),
            method="POST",
            headers={},
            body=question.body(),
            caller=caller,
        )
        self._reply = proxy.handle(self._call)
        self._words: list[str] = []
        self._received = b""
        self._facts: dict[str, Any] = {}
        self._first_word_ms: float | None = None

    def __iter__(self) -> Iterator[str]:
        """The words as they come; an answer that does not stream comes in one piece."""
        if self._reply.stream is None:
            self._received = self._reply.body
            self._facts = orjson.loads(self._received)
            yield from self._noted(self._facts.get("content", ""))
            return
        for block in self._reply.stream:
            self._received += block
            for event in block.split(b"\n\n"):
                yield from self._read(event)

    def _read(self, event: bytes) -> Iterator[str]:
        data = sse.data_of(event)
        if data is None:
            return
        said = orjson.loads(data)
        if said.get("done", True):
            self._facts = said
        yield from self._noted(said.get("delta", ""))

    def _noted(self, words: str) -> Iterator[str]:
        if not words:
            return
        if self._first_word_ms is None:
            self._first_word_ms = self._elapsed_ms()
        self._words.append(words)
        yield words

    def close(self) -> None:
        """Nobody reads on: the call to the provider is stopped."""
        if self._reply.stream is not None:
            self._reply.stream.close()

    def outcome(self) -> Outcome:
        """All of it, once the words were read."""
        total_ms = self._elapsed_ms()
        steps = sorted(self._call.steps, key=lambda step: step.offset_ms)
        is_stream = self._reply.stream is not None
        return Outcome(
            status=self._reply.status,
            headers=self._reply.headers,
            facts=self._facts,
            received=self._received.decode(errors="replace"),
            text="".join(self._words),
            error=str(self._facts.get("error", "")),
            steps=[step.as_json() for step in steps],
            total_ms=total_ms,
            first_word_ms=self._first_word_ms if is_stream else None,
        )

    def _elapsed_ms(self) -> float:
        return (perf_counter() - self._started) * 1000
