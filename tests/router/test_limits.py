"""Limits on every inference path: refused in the dialect, told in headers, free at every end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from hyperstrate.auth import limits
from hyperstrate.router import paths
from hyperstrate.router.proxy import Call, Proxy, Reply
from hyperstrate.shared.cache import forget
from hyperstrate.shared.db import unit_of_work
from tests import answers
from tests.people import Part, People
from tests.router import building
from tests.upstreams import Provider

ClientAs = Callable[[Part | None], FlaskClient]
WORDS = [{"role": "user", "content": "Hello"}]
CHAT = {"model": "support", "messages": WORDS, "max_tokens": 9}
NATIVE = {"fields": {"prompt": "Hello"}}
EMBED = {"model": "support", "input": "Hello"}
ORG = "organization"


class Caller:
    """Calls the gateway with a key of Acme."""

    def __init__(self, proxy: Proxy, key: str) -> None:
        self._proxy, self._key = proxy, key

    def ask(
        self, path: str = "/v1/chat/completions", body: Any = CHAT, method: str = "POST"
    ) -> Reply:
        found = paths.read(path)
        assert found is not None
        headers = {"x-api-key": self._key}
        return self._proxy.handle(Call(found, method, headers, orjson.dumps(body)))

    def statuses(self, times: int, **call: Any) -> list[int]:
        return [self.ask(**call).status for _ in range(times)]


@pytest.fixture
def admin(client_as: ClientAs) -> FlaskClient:
    return client_as("admin")


@pytest.fixture
def caller(app: Flask, admin: FlaskClient) -> Iterator[Caller]:
    building.active(admin, "support")
    yield Caller(app.extensions["proxy"], building.key(admin))
    forget("limits")


def limit(people: People, scope: Any = ORG, scope_id: str = "", **amounts: Any) -> None:
    org_id = people.alice.org_id
    with unit_of_work():
        limits.set(org_id, scope, scope_id or org_id, **amounts)


def header(reply: Reply, name: str) -> str:
    return dict(reply.headers).get(name, "")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", CHAT),
        ("/v1/messages", CHAT),
        ("/v1/embeddings", EMBED),
        ("/router/{router}/infer", NATIVE),
        ("/router/{router}/infer/stream", NATIVE),
        ("/router/{router}/v1/chat/completions", {**CHAT, "stream": True}),
        ("/proxy/router/{router}/v1/messages", {**CHAT, "stream": True}),
        ("/ai/infer", {**NATIVE, "modelId": "{model}"}),
        ("/proxy/ai/{model}/v1/chat/completions", CHAT),
    ],
)
def test_every_inference_path_is_limited(
    path: str, body: dict[str, Any], caller: Caller, admin: FlaskClient, people: People
) -> None:
    model = building.model(admin)
    router_id = building.active(admin, "other")
    target = path.format(router=router_id, model=model)
    if "modelId" in body:
        body = {**body, "modelId": model}
    limit(people, requests_per_minute=2)

    assert caller.statuses(4, path=target, body=body) == [200, 200, 429, 429]


def test_the_list_of_models_is_not_limited(caller: Caller, people: People) -> None:
    limit(people, requests_per_minute=1)
    caller.ask()

    assert caller.ask("/v1/models", method="GET").status == 200


def test_a_refusal_is_in_openai_s_words_complaint_26(caller: Caller, people: People) -> None:
    limit(people, requests_per_minute=1)
    caller.ask()

    refused = caller.ask()

    error = orjson.loads(refused.body)["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limited")
    assert "this organization may make 1 request per minute" in error["message"]
    assert 58 <= int(header(refused, "Retry-After")) <= 61
    assert header(refused, "x-ratelimit-limit-requests") == "1"
    assert header(refused, "x-ratelimit-remaining-requests") == "0"
    assert header(refused, "x-ratelimit-reset-requests")


def test_a_refusal_is_in_anthropic_s_words(caller: Caller, people: People) -> None:
    limit(people, tokens_per_minute=2000)
    caller.ask("/v1/messages", {**CHAT, "max_tokens": 1500})
    limit(people, tokens_per_minute=100)

    refused = caller.ask(
        "/v1/messages", {**CHAT, "messages": [{**WORDS[0], "content": "a b " * 200}]}
    )

    said = orjson.loads(refused.body)
    assert (refused.status, said["type"]) == (429, "error")
    assert said["error"]["type"] == "rate_limit_error"
    assert header(refused, "anthropic-ratelimit-tokens-limit") == "100"
    assert header(refused, "anthropic-ratelimit-tokens-remaining")
    assert header(refused, "x-ratelimit-limit-tokens") == "100"


def test_an_answer_says_what_is_left_of_the_tightest(caller: Caller, people: People) -> None:
    limit(people, requests_per_second=50, requests_per_minute=10, tokens_per_minute=100_000)

    answered = caller.ask()

    assert header(answered, "x-ratelimit-limit-requests") == "10"
    assert header(answered, "x-ratelimit-remaining-requests") == "9"
    assert header(answered, "x-ratelimit-limit-tokens") == "100000"
    assert header(answered, "x-hyperstrate-degraded") == ""


def test_without_limits_no_header_speaks_of_them(caller: Caller) -> None:
    assert not [name for name, _ in caller.ask().headers if "ratelimit" in name]


def test_a_stream_holds_its_slot_until_its_last_chunk(caller: Caller, people: People) -> None:
    limit(people, concurrent_requests=1)
    streamed = caller.ask(body={**CHAT, "stream": True})
    assert streamed.stream

    during = caller.ask()
    list(streamed.stream)
    after = caller.ask()

    assert (streamed.status, during.status, after.status) == (200, 429, 200)
    assert "1 request under way at once" in orjson.loads(during.body)["error"]["message"]
    assert header(during, "Retry-After") == "1"


def test_a_stream_whose_client_hangs_up_is_free_again(caller: Caller, people: People) -> None:
    limit(people, concurrent_requests=1)
    streamed = caller.ask(body={**CHAT, "stream": True})
    assert streamed.stream
    next(iter(streamed.stream))

    streamed.stream.close()

    assert caller.ask().status == 200


def test_a_provider_that_fails_or_breaks_off_frees_the_slot(
    caller: Caller, admin: FlaskClient, people: People
) -> None:
    with Provider() as provider:
        model = building.model(admin, modelDefinitionKey="chatgpt/gpt-4o")
        where = {"baseUrl": provider.url, "apiKey": "k"}
        admin.put(f"/ai/models/{model}/configuration", json=where)
        limit(people, concurrent_requests=1)
        path = f"/proxy/ai/{model}/v1/chat/completions"
        provider.answers(answers.error(500), answers.error(400))

        assert caller.statuses(2, path=path) == [500, 400]

        provider.answers(answers.sse(answers.openai_events("Hel", "lo")[:3], ending="cut"))
        streamed = caller.ask(path, {**CHAT, "stream": True})
        received = b"".join(streamed.stream or ())
        provider.answers(answers.openai("Hello"))

        assert b"error" in received
        assert caller.ask(path).status == 200


def test_tokens_are_settled_to_what_was_used(caller: Caller, people: People) -> None:
    limit(people, tokens_per_minute=5000)

    first = caller.ask(body={**CHAT, "max_tokens": 4000})
    usage = orjson.loads(first.body)["usage"]
    second = caller.ask(body={**CHAT, "max_tokens": 1})

    used = usage["prompt_tokens"] + usage["completion_tokens"]
    left = int(header(second, "x-ratelimit-remaining-tokens"))
    assert 5000 - used - 40 <= left <= 5000 - used


def test_a_cached_answer_takes_no_tokens_but_counts_as_a_request(
    caller: Caller, admin: FlaskClient, people: People
) -> None:
    router_id = building.active(admin, "cached")
    admin.post(f"/router/{router_id}/features", json={"featureType": "response_cache"})
    path = f"/router/{router_id}/v1/chat/completions"
    limit(people, tokens_per_minute=5000, requests_per_minute=10)

    found = [caller.ask(path, {**CHAT, "max_tokens": 4000}) for _ in range(3)]

    assert [header(one, "x-hyperstrate-cache") for one in found] == ["miss", "exact", "exact"]
    left = [int(header(one, "x-ratelimit-remaining-tokens")) for one in found]
    assert left[1] == left[2]
    assert [header(one, "x-ratelimit-remaining-requests") for one in found] == ["9", "8", "7"]


def test_a_refused_request_takes_nothing_and_is_traced(
    caller: Caller, admin: FlaskClient, people: People
) -> None:
    router_id = building.active(admin, "narrow")
    limit(people, "router", router_id, requests_per_minute=1)
    limit(people, requests_per_minute=3)
    path = f"/router/{router_id}/v1/chat/completions"

    narrow = caller.statuses(4, path=path)
    wide = caller.statuses(3)

    assert narrow == [200, 429, 429, 429]
    assert wide == [200, 200, 429]
