"""Sends a request to a registered model: the call, and its stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from hyperstrate.ai import tokens
from hyperstrate.ai.discretion import hide
from hyperstrate.ai.loaded import LoadedModel, loaded
from hyperstrate.ai.providers import dummy
from hyperstrate.ai.providers.base import Call, Provider, Registration
from hyperstrate.shared.chat import (
    ChatRequest,
    ChatResult,
    Chunk,
    Conversation,
    Dialect,
    Json,
    Message,
    Text,
)
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.inference import Cancellation, ModelCard
from hyperstrate.shared.logging import mask
from hyperstrate.shared.upstream import Upstream

SHOWN_CHARACTERS = 500


class Events(Protocol):
    """The events of a stream that is under way."""

    def __iter__(self) -> Iterator[bytes]: ...
    def __next__(self) -> bytes: ...

    @property
    def is_ready(self) -> bool: ...


class Response(Protocol):
    """A provider's answer, over the network or from DUMMY. Header names are lower-case."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    def read(self) -> bytes: ...
    def events(self) -> Events: ...
    def let_end(self) -> None: ...
    def close(self) -> None: ...


class Chunks:
    """The chunks of an answer that is under way; the call ends with them, or by :meth:`close`."""

    def __init__(
        self, provider: Provider, chat: ChatRequest, response: Response, model: Registration
    ) -> None:
        self._response = response
        self._events = response.events()
        self._chunks = provider.chunks(self._events, chat)
        self._model = model

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        try:
            return next(self._chunks)
        except StopIteration:
            self._response.let_end()
            raise
        except BaseException as error:
            self._response.close()
            hide(error, self._model)
            raise

    @property
    def is_ready(self) -> bool:
        return self._events.is_ready

    def close(self) -> None:
        self._response.close()


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What a tiny call to a model said; ``error`` is empty when it went well."""

    __test__ = False
    is_ok: bool
    latency_ms: float
    model: str
    text: str = ""
    error: str = ""


class Inference:
    """The registered models, as the router calls them."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def card(self, org_id: str, model_id: str) -> ModelCard:
        """Raises NotFound."""
        return loaded(org_id, model_id).card

    def send(
        self, org_id: str, model_id: str, chat: ChatRequest, cancellation: Cancellation
    ) -> ChatResult:
        """Call the model. With ``chat.stream`` the result has its ``stream``, not yet read.

        Raises NotFound, ProviderError.
        """
        model = loaded(org_id, model_id)
        provider = _callable(model)
        registration = model.registration()
        call = provider.request(chat, registration)
        response = self._open(call, registration, cancellation)
        try:
            result = _read(provider, chat, response, registration)
        except BaseException as error:
            response.close()
            hide(error, registration)
            raise
        result.dropped.extend(call.dropped)
        if result.stream is None:
            response.close()
        return result

    def estimate_tokens(self, text: str) -> int:
        """About how many tokens ``text`` has, when the provider did not say."""
        return tokens.estimate_tokens(text)

    def test(self, org_id: str, model_id: str) -> TestOutcome:
        """Make a tiny real call. Raises NotFound, and nothing else."""
        card = self.card(org_id, model_id)
        chat = _tiny_embedding() if "embedding" in card.capabilities else _tiny_chat()
        began = perf_counter()
        try:
            result = self.send(org_id, model_id, chat, Cancellation())
        except ProviderError as error:
            took = (perf_counter() - began) * 1000
            return TestOutcome(False, took, card.upstream_model, error=mask(error.message))
        took = (perf_counter() - began) * 1000
        return TestOutcome(True, took, result.model or card.upstream_model, text=result.text)

    def _open(self, call: Call, model: Registration, cancellation: Cancellation) -> Response:
        if model.base_url.startswith(dummy.SCHEME):
            return dummy.open(call, model.base_url, model.timeouts, cancellation)
        return self._upstream.open(
            call.method, call.url, call.headers, call.body, model.timeouts, cancellation
        )


def _callable(model: LoadedModel) -> Provider:
    """The provider of a model that can be called. Raises ProviderError."""
    card = model.card
    if model.provider is None:
        raise ProviderError(f"{card.provider} models cannot be called yet", kind="unsupported")
    if not card.is_configured:
        text = f"the model {card.display_name} is not configured: its key or address is missing"
        raise ProviderError(text, kind="unsupported", code="model_not_configured")
    return model.provider


def _read(
    provider: Provider, chat: ChatRequest, response: Response, model: Registration
) -> ChatResult:
    """Raises ProviderError: the provider's own, or ``bad_answer`` for what is no answer."""
    if not 200 <= response.status < 300:
        raise provider.error(response.status, response.headers, response.read())
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if chat.stream and chat.operation == "chat":
        if kind == "text/html" or kind == "application/json":
            raise _bad_answer(kind, "a stream", response.read())
        stream = Chunks(provider, chat, response, model)
        return ChatResult(dialect=_spoken(provider, chat), stream=stream)
    body = response.read()
    if kind == "text/html":
        raise _bad_answer(kind, "JSON", body)
    return provider.result(body, chat)


def _bad_answer(kind: str, expected: str, body: bytes) -> ProviderError:
    shown = mask(body[: SHOWN_CHARACTERS * 4].decode("utf-8", "replace")[:SHOWN_CHARACTERS])
    text = f"the provider answered with {kind} where {expected} was expected: {shown}"
    return ProviderError(text, kind="bad_answer", body=body)


def _spoken(provider: Provider, chat: ChatRequest) -> Dialect:
    """The dialect of the answer: the client's own, where the provider speaks it."""
    if chat.dialect in provider.dialects:
        return chat.dialect
    chat_dialects = provider.dialects - {Dialect.OPENAI_EMBEDDINGS}
    return next(iter(chat_dialects))


def _tiny_chat() -> ChatRequest:
    def parse(_: Json) -> Conversation:
        return Conversation([Message("user", [Text("Say OK")])], max_output_tokens=16)

    return ChatRequest(Dialect.NATIVE, {}, parse)


def _tiny_embedding() -> ChatRequest:
    body = {"input": "OK"}
    return ChatRequest(
        Dialect.OPENAI_EMBEDDINGS, body, lambda _: Conversation([]), operation="embeddings"
    )
