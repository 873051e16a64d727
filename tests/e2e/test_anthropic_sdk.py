"""The official Anthropic client, pointed at the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic
from anthropic.types import MessageParam, ToolParam

from tests import answers
from tests.e2e.gateway import Admin, Gateway
from tests.upstreams import Provider

ASK: list[MessageParam] = [{"role": "user", "content": "Say hello"}]
WEATHER: ToolParam = {
    "name": "weather",
    "description": "The weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture(scope="module")
def dummy_router(admin: Admin) -> str:
    return admin.router("anthropic-sdk", admin.model("dummy"))


@pytest.fixture(scope="module")
def client(gateway: Gateway, admin: Admin, dummy_router: str) -> Iterator[Anthropic]:
    with Anthropic(base_url=gateway.url, api_key=admin.key(dummy_router), max_retries=0) as found:
        yield found


@pytest.mark.parametrize("path", ["", "/router/{}", "/proxy/router/{}"])
def test_every_path_works_as_a_base_url(
    path: str, gateway: Gateway, admin: Admin, dummy_router: str
) -> None:
    url = gateway.url + path.format(dummy_router)
    with Anthropic(base_url=url, api_key=admin.key(dummy_router), max_retries=0) as client:
        answer = client.messages.create(model="any", max_tokens=100, messages=ASK)

    assert answer.content[0].type == "text"
    assert "Say hello" in answer.content[0].text
    assert answer.stop_reason == "end_turn"


def test_a_key_may_come_as_bearer_too(gateway: Gateway, admin: Admin, dummy_router: str) -> None:
    key = admin.key(dummy_router)
    with Anthropic(base_url=gateway.url, auth_token=key, max_retries=0) as client:
        answer = client.messages.create(model="any", max_tokens=100, messages=ASK)

    assert answer.usage.output_tokens > 0


def test_a_stream_accumulates_to_the_answer(client: Anthropic) -> None:
    with client.messages.stream(model="any", max_tokens=100, messages=ASK) as stream:
        words = list(stream.text_stream)
        final = stream.get_final_message()

    assert len(words) > 3
    assert final.content[0].type == "text"
    assert final.content[0].text == "".join(words)
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 0


def test_system_prompts_may_be_text_or_blocks(client: Anthropic) -> None:
    plain = client.messages.create(model="any", max_tokens=9, messages=ASK, system="Be brief")
    blocks = client.messages.create(
        model="any", max_tokens=9, messages=ASK, system=[{"type": "text", "text": "Be brief"}]
    )

    assert plain.content == blocks.content


def test_tools_are_called_and_their_results_answered(client: Anthropic) -> None:
    messages: list[MessageParam] = [
        {"role": "user", "content": "/dummy tool=weather\nWhat is the weather in Turin?"}
    ]

    first = client.messages.create(model="any", max_tokens=100, messages=messages, tools=[WEATHER])
    call = next(block for block in first.content if block.type == "tool_use")
    messages.append({"role": "assistant", "content": first.content})
    result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    messages.append({"role": "user", "content": [result, {"type": "text", "text": "And?"}]})
    second = client.messages.create(model="any", max_tokens=100, messages=messages, tools=[WEATHER])

    assert first.stop_reason == "tool_use"
    assert call.name == "weather"
    assert isinstance(call.input, dict)
    assert second.stop_reason == "end_turn"


def test_images_reach_an_openai_provider_in_its_words(
    gateway: Gateway, admin: Admin, provider: Provider
) -> None:
    provider.always(answers.openai("A cat"))
    model = admin.model("chatgpt/gpt-4o", baseUrl=f"{provider.url}/v1", apiKey="sk-upstream")
    key = admin.key(admin.router("anthropic-images", model))
    source: Any = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    with Anthropic(base_url=gateway.url, api_key=key) as client:
        answer = client.messages.create(
            model="any",
            max_tokens=100,
            messages=[{"role": "user", "content": [{"type": "image", "source": source}]}],
        )

    sent = provider.requests[0].json["messages"][0]["content"]
    assert sent == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "A cat"


def test_an_anthropic_provider_sees_the_request_as_it_was_sent(
    gateway: Gateway, admin: Admin, provider: Provider
) -> None:
    provider.always(answers.anthropic("Hello"))
    model = admin.model("anthropic/claude-sonnet-4-5", baseUrl=provider.url, apiKey="sk-ant")
    key = admin.key(admin.router("anthropic-pass", model))
    with Anthropic(base_url=gateway.url, api_key=key) as client:
        client.messages.create(
            model="any",
            max_tokens=100,
            messages=ASK,
            system=[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
            extra_headers={"anthropic-beta": "some-beta"},
            extra_body={"future_field": {"kept": True}},
        )

    request = provider.requests[0]
    assert request.json["future_field"] == {"kept": True}
    assert request.json["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert request.json["model"] == "claude-sonnet-4-5"
    assert request.headers["x-api-key"] == "sk-ant"
    assert request.headers["anthropic-beta"] == "some-beta"


def test_models_are_listed(client: Anthropic) -> None:
    names = [model.id for model in client.models.list()]

    assert names == ["anthropic-sdk", "dummy"]


def test_a_wrong_key_is_an_authentication_error(gateway: Gateway) -> None:
    with (
        Anthropic(base_url=gateway.url, api_key="hs_wrong", max_retries=0) as client,
        pytest.raises(anthropic.AuthenticationError) as refused,
    ):
        client.messages.create(model="any", max_tokens=9, messages=ASK)

    assert refused.value.response.json()["type"] == "error"


def test_an_openai_error_becomes_an_anthropic_one_with_its_status(
    gateway: Gateway, admin: Admin, provider: Provider
) -> None:
    provider.always(answers.rate_limited(7))
    model = admin.model("chatgpt/gpt-4o", baseUrl=provider.url, apiKey="k")
    key = admin.key(admin.router("anthropic-error", model))
    with (
        Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as client,
        pytest.raises(anthropic.RateLimitError) as refused,
    ):
        client.messages.create(model="any", max_tokens=9, messages=ASK)

    assert refused.value.response.headers["retry-after"] == "7"
    assert refused.value.response.json()["error"]["type"] == "rate_limit_error"
