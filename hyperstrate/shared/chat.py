"""The one shape of a conversation inside the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeAlias

from hyperstrate.shared.spending import Reservation

Json: TypeAlias = dict[str, Any]
Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "pause"]
Operation = Literal["chat", "embeddings"]


class Dialect(StrEnum):
    """The wire formats that clients and providers speak."""

    OPENAI_CHAT = "openai_chat"
    OPENAI_EMBEDDINGS = "openai_embeddings"
    ANTHROPIC_MESSAGES = "anthropic_messages"
    NATIVE = "native"


@dataclass(slots=True)
class Text:
    """Words. ``extra`` keeps what the part's dialect said besides (cache_control, citations)."""

    text: str
    extra: Json = field(default_factory=dict)


@dataclass(slots=True)
class Image:
    """A picture: by ``url``, or by base64 ``data`` with its ``media_type``."""

    url: str = ""
    data: str = ""
    media_type: str = ""
    extra: Json = field(default_factory=dict)


@dataclass(slots=True)
class Document:
    """A file: by ``url``, by base64 ``data`` with its ``media_type``, or as plain ``text``."""

    url: str = ""
    data: str = ""
    media_type: str = ""
    text: str = ""
    name: str = ""
    extra: Json = field(default_factory=dict)


@dataclass(slots=True)
class Thinking:
    """The model's reasoning. ``signature`` and ``redacted`` must go back exactly as they came."""

    text: str = ""
    signature: str = ""
    redacted: str = ""
    extra: Json = field(default_factory=dict)


@dataclass(slots=True)
class ToolCall:
    """The model asks for a tool. ``arguments`` is JSON text, exactly as it came."""

    id: str
    name: str
    arguments: str
    extra: Json = field(default_factory=dict)


@dataclass(slots=True)
class Foreign:
    """A part that only ``dialect`` has words for, kept as it came."""

    dialect: Dialect
    body: Json


@dataclass(slots=True)
class ToolResult:
    """What a tool answered to the call ``call_id``."""

    call_id: str
    parts: list[Part]
    is_error: bool = False
    extra: Json = field(default_factory=dict)


Part: TypeAlias = Text | Image | Document | Thinking | ToolCall | ToolResult | Foreign


@dataclass(slots=True)
class Message:
    """One turn. Tool results stand in messages of role ``tool``; system prompts at their place."""

    role: Role
    parts: list[Part]
    extra: Json = field(default_factory=dict)

    @property
    def text(self) -> str:
        return text_of(self.parts)


@dataclass(slots=True)
class Tool:
    """A function that the model may call; ``parameters`` is its JSON Schema."""

    name: str
    description: str = ""
    parameters: Json = field(default_factory=dict)
    extra: Json = field(default_factory=dict)


@dataclass(slots=True)
class ToolChoice:
    """``tool`` forces the tool ``name``; ``required`` any tool; ``parallel`` None: not said."""

    mode: Literal["auto", "none", "required", "tool"] = "auto"
    name: str = ""
    parallel: bool | None = None


@dataclass(slots=True)
class ResponseFormat:
    """The form the answer must have; ``schema`` for ``json_schema``."""

    kind: Literal["text", "json_object", "json_schema"]
    schema: Json = field(default_factory=dict)
    name: str = "response"
    strict: bool | None = None
    description: str = ""


@dataclass(slots=True)
class Reasoning:
    """How much the model may think: an ``effort`` word, or a budget in tokens."""

    effort: str = ""
    budget_tokens: int | None = None


@dataclass(slots=True)
class Conversation:
    """A request in words that every provider has; ``extra`` keeps the fields of one dialect."""

    messages: list[Message]
    tools: list[Tool | Foreign] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] = field(default_factory=list)
    seed: int | None = None
    response_format: ResponseFormat | None = None
    reasoning: Reasoning | None = None
    user: str | None = None
    extra: Json = field(default_factory=dict)

    def set_system(self, text: str) -> None:
        """Put ``text`` in the place of all system prompts."""
        others = [message for message in self.messages if message.role != "system"]
        self.messages = [Message("system", [Text(text)]), *others]


class ChatRequest:
    """What a client asked: its body as it came, and the common shape when somebody asks for it.

    ``headers`` are those of its dialect that a provider of the same dialect is to see
    (anthropic-beta, anthropic-version, openai-beta ...), names in lower case.
    """

    __slots__ = (
        "_conversation", "_parse", "body", "dialect", "headers", "is_rewritten", "operation",
        "stream",
    )  # fmt: skip

    def __init__(
        self,
        dialect: Dialect,
        body: Json,
        parse: Callable[[Json], Conversation],
        *,
        stream: bool = False,
        operation: Operation = "chat",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.dialect = dialect
        self.body = body
        self.stream = stream
        self.operation: Operation = operation
        self.headers: Mapping[str, str] = headers or {}
        self.is_rewritten = False
        self._parse = parse
        self._conversation: Conversation | None = None

    @property
    def conversation(self) -> Conversation:
        """The common shape, to read. Who changes it takes :meth:`edit`."""
        if self._conversation is None:
            self._conversation = self._parse(self.body)
        return self._conversation

    def edit(self) -> Conversation:
        """The common shape, to change: from now on the request is written from it."""
        self.is_rewritten = True
        return self.conversation

    def copy(self) -> ChatRequest:
        """The same request, to be changed for one target only."""
        twin = ChatRequest(
            self.dialect,
            self.body,
            self._parse,
            stream=self.stream,
            operation=self.operation,
            headers=self.headers,
        )
        twin.is_rewritten = self.is_rewritten
        twin._conversation = deepcopy(self._conversation)
        return twin


@dataclass
class Usage:
    """Tokens. ``input_tokens`` is the total: fresh, read from and written to the provider's cache.

    What was written for an hour is not among ``cache_write_input_tokens``. ``output_tokens``
    includes ``reasoning_tokens``. ``is_estimated``: counted here, because the provider did not say;
    from a provider, and zero: it said what cannot be.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    cache_write_1h_input_tokens: int = 0
    reasoning_tokens: int = 0
    is_estimated: bool = False


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of the tool call at ``index``; id and name come with its first piece."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Chunk:
    """One event of a stream. ``raw`` is the event as it came, None when a stage rewrote it.

    ``is_preamble``: nothing of the answer yet (message_start, a role, a ping). ``is_last``: the
    dialect's own end of the stream. ``other_text``: the words of choices beyond the first.
    ``usage`` is cumulative: the newest one stands.
    """

    raw: bytes | None = None
    payload: Json | None = None
    text: str = ""
    other_text: str = ""
    thinking: str = ""
    signature: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    foreign: str = ""
    finish_reason: FinishReason | None = None
    finish_detail: str = ""
    stop_sequence: str = ""
    usage: Usage | None = None
    model: str = ""
    id: str = ""
    is_preamble: bool = False
    is_last: bool = False


class ChunkStream(Protocol):
    """The chunks of an answer that is under way."""

    def __iter__(self) -> Iterator[Chunk]: ...
    def __next__(self) -> Chunk: ...
    def close(self) -> None:
        """Stop the upstream call. May be called at any moment, more than once."""

    @property
    def is_ready(self) -> bool:
        """The next chunk is here already: asking for it will not wait."""


@dataclass(slots=True)
class ChatResult:
    """An answer. ``raw`` is the provider's body as it came; None when it must be written anew.

    A streamed answer has its ``stream``, of which ``begun`` were read already; the other fields
    fill while the chunks pass.
    ``parts`` is the first choice, ``others`` the further ones. ``finish_detail`` is the
    provider's own word for the end, ``stop_sequence`` the one that was hit. ``has_usage``: the
    provider said what was used, be it zero. ``is_retellable`` False: the stream had parts that only
    its own events can tell. Times are from the request's start.
    """

    dialect: Dialect
    parts: list[Part] = field(default_factory=list)
    others: list[list[Part]] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    finish_detail: str = ""
    stop_sequence: str = ""
    usage: Usage = field(default_factory=Usage)
    id: str = ""
    model: str = ""
    raw: bytes | None = None
    body: Json = field(default_factory=dict)
    stream: ChunkStream | None = None
    begun: list[Chunk] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    cost_usd: Decimal = Decimal(0)
    reservation: Reservation | None = None
    price_version: str = ""
    has_usage: bool = False
    is_retellable: bool = True
    ttft_ms: float | None = None
    began_ms: float = 0.0

    @property
    def text(self) -> str:
        return text_of(self.parts)

    @property
    def tool_calls(self) -> list[ToolCall]:
        return [part for part in self.parts if isinstance(part, ToolCall)]


def text_of(parts: list[Part]) -> str:
    """The words in ``parts``, joined."""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return "".join(part.text for part in parts if isinstance(part, Text))
