"""A streamed answer on its way to the client: each chunk passes the stages, the sum is settled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import TypeVar, cast

from hyperstrate.shared.chat import (
    ChatResult,
    Chunk,
    ChunkStream,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolCallDelta,
    text_of,
)
from hyperstrate.shared.errors import AppError, ProviderError
from hyperstrate.shared.openai_messages_write import write_assistant

HOLD_S = 10.0
During = Callable[[Chunk], Chunk | None]
Failure = AppError | ProviderError
T = TypeVar("T", Text, Thinking)


def prime(stream: ChunkStream) -> list[Chunk]:
    """Read ``stream`` up to its first word, so that a failure until then can be repeated elsewhere.

    Preamble is held back for at most ``HOLD_S`` seconds. Raises what the stream raises, with the
    usage that was said until then.
    """
    deadline = monotonic() + HOLD_S
    read: list[Chunk] = []
    try:
        for chunk in stream:
            if chunk.is_last:
                break
            read.append(chunk)
            if not chunk.is_preamble or monotonic() > deadline:
                return read
        raise ProviderError("the provider's stream ended before an answer", kind="incomplete")
    except BaseException as error:
        stream.close()
        if isinstance(error, ProviderError):
            error.usage = next((chunk.usage for chunk in reversed(read) if chunk.usage), None)
        raise


class Replay:
    """A whole answer as a stream of chunks, for streaming clients of a cached answer."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = iter(chunks)
        self.is_ready = True

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        return next(self._chunks)

    def close(self) -> None:
        """Nothing is under way."""


def replay(result: ChatResult) -> Replay:
    """``result`` as the stream that it might have been, all its choices, with the usage that was
    told then: the client counts alike, whether it gets the answer whole or as a stream."""
    chunks = [Chunk(id=result.id, model=result.model, is_preamble=True)]
    calls = 0
    for part in result.parts:
        chunks.append(_as_chunk(part, calls))
        calls += isinstance(part, ToolCall)
    for index, parts in enumerate(result.others, 1):
        chunks.append(_as_other(parts, index, _finish_of(result, index)))
    chunks.append(
        Chunk(
            finish_reason=result.finish_reason,
            finish_detail=result.finish_detail,
            stop_sequence=result.stop_sequence,
            usage=result.usage if result.has_usage else None,
        )
    )
    chunks.append(Chunk(is_last=True))
    result.parts, result.others = [], []
    return Replay(chunks)


def _as_chunk(part: Part, call_index: int) -> Chunk:
    if isinstance(part, Text):
        return Chunk(text=part.text)
    if isinstance(part, Thinking):
        return Chunk(thinking=part.text, signature=part.signature)
    if isinstance(part, ToolCall):
        return Chunk(tool_calls=(ToolCallDelta(call_index, part.id, part.name, part.arguments),))
    return Chunk()


def _as_other(parts: list[Part], index: int, finish: str) -> Chunk:
    """A further choice, which OpenAI's dialect alone has, in the words of its streams."""
    delta = {"role": "assistant", **write_assistant(Message("assistant", parts))}
    for place, call in enumerate(delta.get("tool_calls", ())):
        call["index"] = place
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return Chunk(payload={"choices": [choice]}, other_text=text_of(parts))


def _finish_of(result: ChatResult, index: int) -> str:
    """Each choice has its own end."""
    for choice in result.body.get("choices", ()):
        if choice.get("index") == index:
            return str(choice.get("finish_reason") or "stop")
    return "stop"


class Relay:
    """The chunks of ``source``, as the stages let them pass; ``result`` fills on the way.

    Ends in one of three ways, each settled once: the last chunk, a failure, or the client's
    going away (:meth:`close`). It is settled before the last chunk is given out.
    """

    def __init__(
        self,
        source: ChunkStream,
        result: ChatResult,
        *,
        during: list[During],
        after: Callable[[], None],
        settle: Callable[[Failure | None], None],
    ) -> None:
        self._source = source
        self._begun = deque(result.begun)
        self._sum = Sum(result)
        self._during = during
        self._after = after
        self._settle = settle
        self._is_over = False

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        try:
            while not self._is_over:
                passed = self._pass(self._begun.popleft() if self._begun else next(self._source))
                if passed is not None:
                    return passed
        except StopIteration:
            error = ProviderError("the provider's stream ended early", kind="incomplete")
            self._end(error)
            raise error from None
        except (AppError, ProviderError) as failure:
            self._end(failure)
            raise
        except Exception:
            self._end(AppError("internal server error"))
            raise
        raise StopIteration

    def _pass(self, chunk: Chunk) -> Chunk | None:
        """What the stages let through of ``chunk``."""
        self._sum.note(chunk)
        passed: Chunk | None = chunk
        for during in self._during:
            passed = during(passed) if passed is not None else None
        if passed is not None:
            self._sum.add(passed)
        if chunk.is_last:
            self._sum.finish()
            self._after()
            self._end(None)
        return passed

    @property
    def is_ready(self) -> bool:
        """The next chunk is here already: asking for it will not wait."""
        return bool(self._begun) or self._source.is_ready

    def close(self) -> None:
        """The client has gone, or has all it wanted."""
        if not self._is_over:
            self._end(ProviderError("the client closed the connection", kind="cancelled"))

    def _end(self, failure: Failure | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._source.close()
        self._sum.finish()
        self._settle(failure)


class Sum:
    """What the chunks of a stream make together."""

    def __init__(self, result: ChatResult) -> None:
        self._result = result
        self._calls: dict[int, tuple[ToolCall, list[str]]] = {}
        self._words: list[str] = []
        self._others: list[str] = []

    def note(self, chunk: Chunk) -> None:
        """What a chunk says of the answer as a whole."""
        result = self._result
        result.id = result.id or chunk.id
        result.model = result.model or chunk.model
        result.finish_reason = chunk.finish_reason or result.finish_reason
        result.finish_detail = chunk.finish_detail or result.finish_detail
        result.stop_sequence = chunk.stop_sequence or result.stop_sequence
        if chunk.foreign:
            result.is_retellable = False
        if chunk.usage is not None:
            result.usage, result.has_usage = chunk.usage, True

    def add(self, chunk: Chunk) -> None:
        """The piece of the answer that a chunk brings."""
        if chunk.thinking or chunk.signature:
            thinking = self._open(Thinking)
            thinking.signature += chunk.signature
            self._words.append(chunk.thinking)
        if chunk.text:
            self._open(Text)
            self._words.append(chunk.text)
        for delta in chunk.tool_calls:
            self._add_call(delta)
        if chunk.other_text:
            self._others.append(chunk.other_text)

    def finish(self) -> None:
        """Put the collected words and arguments into the result."""
        self._close()
        for call, pieces in self._calls.values():
            call.arguments = "".join(pieces)
        if self._others:
            self._result.others = [[Text("".join(self._others))]]

    def _open(self, kind: type[T]) -> T:
        parts = self._result.parts
        if not parts or not isinstance(parts[-1], kind):
            self._close()
            parts.append(kind(""))
        return cast(T, parts[-1])

    def _close(self) -> None:
        """Join the words of the last part: many small joins would cost the square of its length."""
        if self._words:
            last = cast(Text, self._result.parts[-1])
            last.text = "".join([last.text, *self._words])
            self._words = []

    def _add_call(self, delta: ToolCallDelta) -> None:
        self._close()
        known = self._calls.get(delta.index)
        if known is None:
            known = self._calls[delta.index] = (ToolCall(delta.id, delta.name, ""), [])
            self._result.parts.append(known[0])
        known[1].append(delta.arguments)
