"""Calls to models over a real loopback provider, and to DUMMY through the same reading code."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from hyperstrate.ai.inference import Inference
from hyperstrate.ai.registrations import Registered
from hyperstrate.shared.chat import (
    ChatRequest,
    ChatResult,
    Conversation,
    Dialect,
    Message,
    Text,
    Usage,
)
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.inference import Cancellation
from tests import answers
from tests.ai.conftest import Orgs, Registers
from tests.upstreams import Provider

Send = Callable[..., ChatResult]


def chat(content: str = "Hi", *, stream: bool = False, **fields: Any) -> ChatRequest:
    body = {"model": "any", "messages": [{"role": "user", "content": content}], **fields}
    said = [Message("user", [Text(content)])]
    if stream:
        body["stream"] = True
    return ChatRequest(Dialect.OPENAI_CHAT, body, lambda _: Conversation(said), stream=stream)


@pytest.fixture
def send(orgs: Orgs, inference: Inference) -> Send:
    def call(
        model: Registered, request: ChatRequest | None = None, gone: Cancellation | None = None
    ) -> ChatResult:
        return inference.send(orgs.acme, model.id, request or chat(), gone or Cancellation())

    return call


@pytest.fixture
def model(register: Registers, provider: Provider) -> Registered:
    return register("chatgpt/gpt-4o", base_url=provider.url)


def failure(send: Send, *args: Any) -> ProviderError:
    with pytest.raises(ProviderError) as failed:
        send(*args)
    return failed.value


def words(result: ChatResult) -> list[str]:
    assert result.stream is not None
    return [chunk.text for chunk in result.stream if chunk.text]


def test_a_call_brings_answer_usage_and_cost(
    send: Send, model: Registered, provider: Provider, orgs: Orgs, inference: Inference
) -> None:
    provider.answers(answers.openai("Hello"))

    result = send(model)

    assert (result.text, result.usage.input_tokens, result.usage.output_tokens) == ("Hello", 10, 2)
    card = inference.card(orgs.acme, model.id)
    assert card.price(result.usage) == Decimal("0.000045")
    assert card.price_version == "2026.11.22"
    sent = provider.requests[0]
    assert sent.json["model"] == "gpt-4o"
    assert sent.headers["authorization"] == "Bearer sk-secret"


def test_the_registrations_headers_go_along(
    send: Send, register: Registers, provider: Provider
) -> None:
    provider.answers(answers.openai())

    send(register("chatgpt/gpt-4o", base_url=provider.url, extra_headers={"X-Tenant": "acme"}))

    assert provider.requests[0].headers["x-tenant"] == "acme"


def test_another_upstream_model_is_called_by_its_name(
    send: Send, register: Registers, provider: Provider
) -> None:
    provider.answers(answers.openai())

    send(register("chatgpt/gpt-4o", "my-model", base_url=provider.url))

    assert provider.requests[0].json["model"] == "my-model"


def test_an_openai_request_reaches_anthropic(
    send: Send, register: Registers, provider: Provider
) -> None:
    provider.answers(answers.anthropic("Bonjour"))

    result = send(register("anthropic/claude-sonnet-4-5", base_url=provider.url))

    assert (result.text, result.dialect) == ("Bonjour", Dialect.ANTHROPIC_MESSAGES)
    assert provider.requests[0].headers["x-api-key"] == "sk-secret"


def test_a_stream_comes_chunk_by_chunk_and_its_price_at_the_end(
    send: Send, model: Registered, provider: Provider, orgs: Orgs, inference: Inference
) -> None:
    provider.answers(answers.openai_stream("Hel", "lo"))

    result = send(model, chat(stream=True))

    assert result.dialect is Dialect.OPENAI_CHAT
    assert words(result) == ["Hel", "lo"]
    card = inference.card(orgs.acme, model.id)
    assert card.price(Usage(1000, 100)) == Decimal("0.0035")


def test_closing_a_stream_ends_the_call(send: Send, model: Registered, provider: Provider) -> None:
    provider.answers(answers.openai_stream("Hel", "lo", ending="stall"))
    stream = send(model, chat(stream=True)).stream
    assert stream is not None
    next(stream)

    stream.close()
    stream.close()

    assert provider.wait_closed()


def test_a_connection_is_used_again_after_an_answer_and_a_stream(
    send: Send, model: Registered, provider: Provider
) -> None:
    provider.answers(
        answers.openai(), answers.openai_stream("Hi"), answers.error(500), answers.openai()
    )

    send(model)
    words(send(model, chat(stream=True)))
    failure(send, model)
    send(model)

    assert len(provider.connections) == 1


def test_a_refusal_is_read_by_the_provider(
    send: Send, model: Registered, provider: Provider
) -> None:
    provider.answers(answers.rate_limited(7))

    error = failure(send, model)

    assert (error.kind, error.status, error.retry_after_s) == ("rate_limited", 429, 7)
    assert error.dialect is Dialect.OPENAI_CHAT


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_web_page_is_no_answer(
    send: Send, model: Registered, provider: Provider, is_stream: bool
) -> None:
    provider.answers(answers.html())

    error = failure(send, model, chat(stream=is_stream))

    assert (error.kind, error.status) == ("bad_answer", 502)
    assert "text/html" in error.message
    assert "Bad gateway" in error.message


def test_an_answer_that_shows_a_key_does_not_show_it_further(
    send: Send, model: Registered, provider: Provider
) -> None:
    page = b"<p>Incorrect API key provided: sk-proj-canary12345</p>"
    provider.answers(answers.body(page, headers={"content-type": "text/html"}))

    assert "canary" not in failure(send, model).message


def test_json_in_place_of_a_stream_is_no_answer(
    send: Send, model: Registered, provider: Provider
) -> None:
    provider.answers(answers.openai("Hello"))

    assert failure(send, model, chat(stream=True)).kind == "bad_answer"


@pytest.mark.parametrize(
    "answer", [answers.body(b""), answers.body(b'{"choices": ['), answers.json([])]
)
def test_what_cannot_be_read_is_a_bad_answer(
    send: Send, model: Registered, provider: Provider, answer: Any
) -> None:
    provider.answers(answer)

    assert failure(send, model).kind == "bad_answer"


def test_a_stream_that_is_cut_says_so(send: Send, model: Registered, provider: Provider) -> None:
    provider.answers(answers.sse(answers.openai_events("Hel")[:2], ending="cut"))
    stream = send(model, chat(stream=True)).stream
    assert stream is not None

    with pytest.raises(ProviderError) as cut:
        list(stream)

    assert cut.value.kind in ("incomplete", "connection")


def test_a_silent_provider_is_given_up(send: Send, register: Registers, provider: Provider) -> None:
    provider.answers(answers.silent())

    error = failure(
        send, register("chatgpt/gpt-4o", base_url=provider.url, first_byte_timeout_secs=0.1)
    )

    assert (error.kind, error.status) == ("timeout", 504)


def test_a_model_without_key_is_not_called(send: Send, register: Registers) -> None:
    error = failure(send, register("chatgpt/gpt-4o"))

    assert (error.code, error.status, error.retryable) == ("model_not_configured", 422, False)


def test_dummy_answers_without_any_configuration(send: Send, register: Registers) -> None:
    result = send(register("dummy"))

    assert "Hi" in result.text
    assert result.usage.input_tokens > 0


def test_dummy_streams_and_closes(send: Send, register: Registers) -> None:
    made = register("dummy", base_url="dummy://local?text=one%20two%20three")

    assert words(send(made, chat(stream=True))) == ["one", " two", " three"]


def test_a_tiny_call_tests_a_model(
    orgs: Orgs, model: Registered, provider: Provider, inference: Inference
) -> None:
    provider.answers(answers.openai("OK", model="gpt-4o-2024"))

    outcome = inference.test(orgs.acme, model.id)

    assert (outcome.is_ok, outcome.model, outcome.text, outcome.error) == (
        True,
        "gpt-4o-2024",
        "OK",
        "",
    )
    assert outcome.latency_ms > 0
    assert provider.requests[0].json["messages"][-1]["content"] == "Say OK"


def test_a_failed_test_says_why_without_the_key(
    orgs: Orgs, model: Registered, provider: Provider, inference: Inference
) -> None:
    provider.answers(answers.error(401, "Incorrect API key provided: sk-secretsecret"))

    outcome = inference.test(orgs.acme, model.id)

    assert not outcome.is_ok
    assert "Incorrect API key" in outcome.error
    assert "secretsecret" not in outcome.error


@pytest.mark.parametrize("key", ["dummy", "dummy/embeddings"])
def test_dummy_passes_its_test(
    orgs: Orgs, register: Registers, inference: Inference, key: str
) -> None:
    assert inference.test(orgs.acme, register(key).id).is_ok


def test_anthropic_is_tested_in_its_own_words(
    orgs: Orgs, register: Registers, provider: Provider, inference: Inference
) -> None:
    provider.answers(answers.anthropic("OK"))
    made = register("anthropic/claude-sonnet-4-5", base_url=provider.url)

    outcome = inference.test(orgs.acme, made.id)

    assert outcome.is_ok, outcome.error
    assert provider.requests[0].json["max_tokens"] == 16
