"""The official OpenAI client, pointed at the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam

from tests import answers
from tests.e2e.gateway import Admin, Gateway
from tests.upstreams import Provider

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello"}]
WEATHER: ChatCompletionToolUnionParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture(scope="module")
def dummy_router(admin: Admin) -> str:
    return admin.router("openai-sdk", admin.model("dummy"))


@pytest.fixture(scope="module")
def client(gateway: Gateway, admin: Admin, dummy_router: str) -> Iterator[OpenAI]:
    key = admin.key(dummy_router)
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as found:
        yield found


@pytest.mark.parametrize(
    "path", ["/router/{}/v1", "/proxy/router/{}", "/proxy/router/{}/v1", "/v1"]
)
def test_every_path_works_as_a_base_url(
    path: str, gateway: Gateway, admin: Admin, dummy_router: str
) -> None:
    url = gateway.url + path.format(dummy_router)
    with OpenAI(base_url=url, api_key=admin.key(dummy_router), max_retries=0) as client:
        answer = client.chat.completions.create(model="any", messages=ASK)

    assert "Say hello" in (answer.choices[0].message.content or "")
    assert answer.usage
    assert answer.usage.total_tokens > 0


def test_a_global_key_names_the_router_as_the_model(
    gateway: Gateway, admin: Admin, dummy_router: str
) -> None:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=admin.key(), max_retries=0) as client:
        answer = client.chat.completions.create(model="openai-sdk", messages=ASK)
        with pytest.raises(openai.NotFoundError) as refused:
            client.chat.completions.create(model="no such router", messages=ASK)

    assert answer.choices[0].finish_reason == "stop"
    assert "no such router" in str(refused.value)


def test_the_answer_tells_its_request_router_and_cost(client: OpenAI, dummy_router: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model="any", messages=ASK)

    assert raw.headers["x-hyperstrate-request-id"].startswith("ilog_")
    assert raw.headers["x-hyperstrate-router"] == dummy_router
    assert raw.headers["x-hyperstrate-model"] == "dummy"
    assert float(raw.headers["x-hyperstrate-cost-usd"]) > 0
    assert raw.parse()._request_id == raw.headers["x-hyperstrate-request-id"]


def test_a_stream_arrives_in_pieces_and_ends(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="any", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    words = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]

    assert len(words) > 3
    assert "Say hello" in "".join(words)
    assert chunks[-1].usage
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"


def test_usage_comes_in_a_stream_only_when_asked(client: OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="any", messages=ASK, stream=True))

    assert all(chunk.choices for chunk in chunks)


def test_tools_are_called_and_their_results_answered(client: OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "/dummy tool=weather\nWhat is the weather in Turin?"}
    ]

    first = client.chat.completions.create(model="any", messages=messages, tools=[WEATHER])
    calls = first.choices[0].message.tool_calls or []
    messages.append(first.choices[0].message.to_dict())  # type: ignore[arg-type]
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in calls]
    messages.append({"role": "user", "content": "And?"})
    second = client.chat.completions.create(model="any", messages=messages, tools=[WEATHER])

    assert first.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in calls if call.type == "function"] == ["weather"]
    assert second.choices[0].message.content


def test_images_reach_the_provider_as_they_were_sent(
    gateway: Gateway, admin: Admin, provider: Provider
) -> None:
    provider.always(answers.openai("A cat"))
    model = admin.model("chatgpt/gpt-4o", baseUrl=f"{provider.url}/v1", apiKey="sk-upstream")
    router = admin.router("images", model)
    url = {"url": "data:image/png;base64,AAAA"}
    part: Any = {"type": "image_url", "image_url": url}
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=admin.key(router)) as client:
        client.chat.completions.create(
            model="any",
            messages=[{"role": "user", "content": [part]}],
        )

    assert provider.requests[0].json["messages"][0]["content"] == [part]
    assert provider.requests[0].headers["authorization"] == "Bearer sk-upstream"
    assert provider.requests[0].json["model"] == "gpt-4o"


def test_embeddings_have_a_vector_for_each_text(client: OpenAI) -> None:
    found = client.embeddings.create(model="any", input=["one", "two"], encoding_format="float")

    assert len(found.data) == 2
    assert found.data[0].embedding != found.data[1].embedding


def test_models_list_the_router_and_what_stands_behind_it(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]

    assert names == ["openai-sdk", "dummy"]


def test_a_wrong_key_is_an_authentication_error(gateway: Gateway) -> None:
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key="hs_wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model="any", messages=ASK)


def test_a_key_of_another_router_is_refused(
    gateway: Gateway, admin: Admin, dummy_router: str
) -> None:
    other = admin.router("other-router", admin.model("dummy"))
    url = f"{gateway.url}/router/{dummy_router}/v1"
    with (
        OpenAI(base_url=url, api_key=admin.key(other), max_retries=0) as client,
        pytest.raises(openai.PermissionDeniedError),
    ):
        client.chat.completions.create(model="any", messages=ASK)


def test_bad_requests_name_the_field(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="any", messages=[])

    assert "messages" in str(refused.value)


def test_the_upstreams_own_error_passes_whole(
    gateway: Gateway, admin: Admin, provider: Provider
) -> None:
    body = {"error": {"message": "too long", "type": "x", "param": "m", "code": "context_length"}}
    provider.always(answers.json(body, status=400))
    model = admin.model("chatgpt/gpt-4o", baseUrl=provider.url, apiKey="k")
    router = admin.router("upstream-error", model)
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=admin.key(router), max_retries=0) as client,
        pytest.raises(openai.BadRequestError) as refused,
    ):
        client.chat.completions.create(model="any", messages=ASK)

    assert json.loads(refused.value.response.content) == body
