"""OpenAI, and the providers that speak its dialect: each is one line here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import orjson

from hyperstrate.ai.providers import openai_manners as manners
from hyperstrate.ai.providers.base import Call, Registration
from hyperstrate.ai.providers.openai_answer import only_ours, read_chat, read_embeddings
from hyperstrate.ai.providers.openai_errors import read_error
from hyperstrate.ai.providers.openai_request import chat_body, embeddings_body
from hyperstrate.ai.providers.openai_stream import read_chunks
from hyperstrate.shared.chat import ChatRequest, ChatResult, Chunk, Dialect
from hyperstrate.shared.errors import ProviderError

AZURE_API_VERSION = "2024-10-21"
AZURE_PATH = "/openai/deployments/{model}"


@dataclass(frozen=True, slots=True)
class OpenAI:
    """A provider of OpenAI's dialect.

    ``auth``: the header of the key. ``bare_path`` follows a base URL that has no path of its own.
    ``api_version``: goes into the query, unless the registration's ``api_secret`` has another or
    the base URL is that of a version (Azure's ``/openai/v1``).
    """

    name: str
    manners: manners.Manners = manners.OPENAI
    auth: Literal["authorization", "api-key"] = "authorization"
    bare_path: str = "/v1"
    api_version: str = ""

    @property
    def dialects(self) -> frozenset[Dialect]:
        return _DIALECTS

    def request(self, chat: ChatRequest, model: Registration) -> Call:
        """Raises ProviderError of kind ``unsupported``."""
        dropped: list[str] = []
        if chat.operation == "embeddings":
            path, body = "/embeddings", embeddings_body(chat, model.upstream_model)
        else:
            path = "/chat/completions"
            body, dropped = chat_body(chat, model.upstream_model, self.manners)
        headers = self._headers(chat, model)
        return Call("POST", self._url(path, model), headers, orjson.dumps(body), tuple(dropped))

    def result(self, body: bytes, chat: ChatRequest) -> ChatResult:
        """Raises ProviderError: ``bad_answer``, or the error that came inside the answer."""
        if chat.operation == "embeddings":
            return read_embeddings(body)
        result = read_chat(body)
        if chat.dialect is Dialect.ANTHROPIC_MESSAGES:
            result.dropped = only_ours(result)
        return result

    def chunks(self, events: Iterable[bytes], chat: ChatRequest) -> Iterator[Chunk]:
        """Raises ProviderError."""
        return read_chunks(events)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)

    def _url(self, path: str, model: Registration) -> str:
        base, _, query = model.base_url.partition("?")
        base = base.rstrip("/")
        if base.count("/") < 3:
            base += self.bare_path.format(model=quote(model.upstream_model, safe=""))
        if self.api_version and "api-version=" not in query and not base.endswith("/v1"):
            version = f"api-version={quote(model.api_secret or self.api_version)}"
            query = f"{query}&{version}" if query else version
        return f"{base}{path}?{query}" if query else base + path

    def _headers(self, chat: ChatRequest, model: Registration) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if chat.stream else "application/json",
        }
        if chat.dialect in _DIALECTS:
            headers |= chat.headers
        if model.api_key:
            is_bearer = self.auth == "authorization"
            headers[self.auth] = f"Bearer {model.api_key}" if is_bearer else model.api_key
        headers.update((name.lower(), value) for name, value in model.extra_headers.items())
        return headers


_DIALECTS = frozenset({Dialect.OPENAI_CHAT, Dialect.OPENAI_EMBEDDINGS})

FAMILY = (
    OpenAI("OPENAI"),
    OpenAI("AZURE_OPENAI", auth="api-key", bare_path=AZURE_PATH, api_version=AZURE_API_VERSION),
    OpenAI("MISTRAL", manners.MISTRAL),
    OpenAI("GROQ", manners.GROQ, bare_path="/openai/v1"),
    OpenAI("DEEPSEEK", manners.DEEPSEEK),
    OpenAI("OPENROUTER", manners.OPENROUTER, bare_path="/api/v1"),
    OpenAI("XAI", manners.XAI),
    OpenAI("TOGETHER", manners.TOGETHER),
    OpenAI("FIREWORKS", manners.FIREWORKS, bare_path="/inference/v1"),
    OpenAI("CEREBRAS", manners.CEREBRAS),
    OpenAI("PERPLEXITY", manners.PERPLEXITY, bare_path=""),
    OpenAI("OLLAMA", manners.LOCAL),
    OpenAI("VLLM", manners.LOCAL),
    OpenAI("LOCALAI", manners.LOCAL),
)
