"""What a wire is: one dialect's JSON and SSE on the client's side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hyperstrate.router.stage import Exchange
from hyperstrate.shared.chat import ChatRequest, ChatResult, Chunk, Dialect
from hyperstrate.shared.errors import AppError, ProviderError


@dataclass(slots=True)
class Inquiry:
    """A request as a wire read it. ``model`` is the name that the client wrote.

    ``variables`` fill {{placeholders}}; ``session`` is what it said of its agent session.
    """

    chat: ChatRequest
    model: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)
    bypass_cache: bool = False


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An error in a dialect: its HTTP status and JSON body."""

    status: int
    body: bytes


class StreamWriter(Protocol):
    """Writes one streamed answer. It is shown every chunk, in order."""

    def chunk(self, chunk: Chunk) -> bytes:
        """The chunk as SSE, perhaps nothing. Where source and client speak the same dialect and no
        stage touched it, this is ``chunk.raw``. The last chunk brings the dialect's own end."""

    def error(self, error: AppError | ProviderError) -> bytes:
        """The dialect's error event: the stream ends here, without an invented finish."""


class Wire(Protocol):
    """One dialect as clients speak it. Instances keep no state."""

    @property
    def dialect(self) -> Dialect: ...

    def read(self, body: dict[str, Any]) -> Inquiry:
        """Check the shape that everything relies on, no more. Raises BadRequest with the field."""

    def result(self, exchange: Exchange, result: ChatResult) -> bytes:
        """The answer as JSON: ``result.raw`` when it came in this dialect and is untouched."""

    def writer(self, exchange: Exchange, result: ChatResult) -> StreamWriter:
        """A writer for the stream of ``result``; ``result.dialect`` is the source's."""

    def error(self, error: AppError | ProviderError, request_id: str) -> ErrorReply:
        """A ProviderError with a body of this dialect gives that body, whole."""
