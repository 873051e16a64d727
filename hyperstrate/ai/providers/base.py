"""What a provider adapter is, and what it is given: it converts, and never touches the network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hyperstrate.shared.chat import ChatRequest, ChatResult, Chunk, Dialect
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.logging import mask
from hyperstrate.shared.upstream import Timeouts as Timeouts

KEPT_BYTES = 64_000
SHOWN = 500
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Registration:
    """A model of one organisation, ready to be called; ``api_key`` is the pool's choice."""

    id: str
    org_id: str
    definition_key: str
    provider: str
    upstream_model: str
    base_url: str
    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeouts: Timeouts = field(default_factory=Timeouts)
    max_output_tokens: int | None = None


@dataclass(slots=True)
class Call:
    """An HTTP request to a provider. ``dropped`` names what its dialect could not carry."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes
    dropped: tuple[str, ...] = ()


class Provider(Protocol):
    """One provider's dialect and manners. Instances keep no state between calls."""

    @property
    def name(self) -> str: ...

    @property
    def dialects(self) -> frozenset[Dialect]:
        """The wires it speaks; a client's own among them passes through."""

    def request(self, chat: ChatRequest, model: Registration) -> Call:
        """Where ``chat.dialect`` is spoken, ``chat.body`` goes out with only what is ours changed.

        Raises ProviderError of kind ``unsupported``.
        """

    def result(self, body: bytes, chat: ChatRequest) -> ChatResult:
        """Read an answer. Raises ProviderError of kind ``bad_answer``."""

    def chunks(self, events: Iterable[bytes], chat: ChatRequest) -> Iterator[Chunk]:
        """Read the events of a stream, each with its blank line.

        Raises ProviderError: what the provider said went wrong, ``bad_answer`` for what cannot be
        read, ``incomplete`` when the events end before the dialect's own end.
        """

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Read a refusal: decide its kind, keep Retry-After and body. Header names: lower-case."""


Json = dict[str, Any]


def words_of(body: bytes) -> str:
    """What a page or text says, for the log: at most ``SHOWN`` characters on one line, without
    tags, control characters, and what looks like a key."""
    text = _TAGS.sub(" ", body[:KEPT_BYTES].decode(errors="replace"))
    return mask(" ".join(_CONTROL.sub(" ", text).split()))[:SHOWN]
