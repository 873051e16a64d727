"""From a call to a reply: who calls, which plan, limits, and refusals in the caller's dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from hyperstrate.router import paths, routers
from hyperstrate.router.plan import Plans
from hyperstrate.router.proxy import Call, Limits, Proxy, Reply, SseStream
from hyperstrate.router.wires.openai_chat_write import Writer
from hyperstrate.shared import cache
from hyperstrate.shared.chat import ChatResult, Chunk, Dialect
from tests.people import Part, People
from tests.router import building

ClientAs = Callable[[Part | None], FlaskClient]
LIMITS = Limits(max_body_bytes=10_000, max_messages=3)
HELLO = {"model": "support", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9}
NATIVE = {"fields": {"prompt": "Hello"}}
EMBED = {"model": "support", "input": "Hello"}


class Application:
    """Calls the gateway with a key."""

    def __init__(self, proxy: Proxy, key: str) -> None:
        self.proxy, self.key = proxy, key

    def call(
        self, path: str, body: Any = None, *, method: str = "POST", headers: Any = None
    ) -> Reply:
        found = paths.read(path)
        assert found is not None
        sent = {"x-api-key": self.key} if headers is None else headers
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.proxy.handle(Call(found, method, sent, raw))


def said(reply: Reply) -> Any:
    return orjson.loads(reply.body)


@pytest.fixture
def admin(client_as: ClientAs) -> FlaskClient:
    return client_as("admin")


@pytest.fixture
def router_id(admin: FlaskClient) -> str:
    return building.active(admin, "support")


@pytest.fixture
def proxy(people: People) -> Proxy:
    return Proxy(routers.ports(), Plans(routers.ports()), LIMITS)


@pytest.fixture
def application(admin: FlaskClient, router_id: str, proxy: Proxy) -> Application:
    """Has a key for all routers."""
    return Application(proxy, building.key(admin))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/router/{id}/v1/chat/completions", HELLO),
        ("/router/{id}/v1/messages", HELLO),
        ("/router/{id}/infer", NATIVE),
        ("/proxy/router/{id}/chat/completions", HELLO),
        ("/proxy/ai/{model}/v1/messages", HELLO),
        ("/ai/infer", {**NATIVE, "modelId": "{model}"}),
        ("/v1/chat/completions", HELLO),
        ("/v1/messages", HELLO),
    ],
)
def test_every_road_leads_to_an_answer_that_names_it(
    admin: FlaskClient, application: Application, router_id: str, path: str, body: dict[str, Any]
) -> None:
    model_id = building.model(admin)
    if body.get("modelId"):
        body = {**body, "modelId": model_id}

    reply = application.call(path.format(id=router_id, model=model_id), body)

    headers = dict(reply.headers)
    assert reply.status == 200, reply.body
    assert headers["Content-Type"] == "application/json"
    is_direct = "/ai/" in path
    assert headers["x-hyperstrate-router"] == ("direct" if is_direct else router_id)
    assert headers["x-hyperstrate-target"].startswith("direct" if is_direct else "rtgt_")
    assert headers["x-hyperstrate-model"] == "dummy"
    assert headers["x-hyperstrate-cache"] == "miss"
    assert float(headers["x-hyperstrate-cost-usd"]) > 0
    assert float(headers["x-hyperstrate-overhead-ms"]) >= 0
    assert headers["x-hyperstrate-request-id"].startswith("ilog_")
    assert headers["x-request-id"] == headers["request-id"] == headers["x-hyperstrate-request-id"]


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("/v1/chat/completions", b"data: [DONE]\n\n"),
        ("/v1/messages", b'data: {"type":"message_stop"}\n\n'),
        ("/router/{id}/infer/stream", b"\n\n"),
    ],
)
def test_a_stream_ends_as_its_dialect_does(
    application: Application, router_id: str, path: str, end: bytes
) -> None:
    body = NATIVE if "infer" in path else {**HELLO, "stream": True}

    reply = application.call(path.format(id=router_id), body)

    headers = dict(reply.headers)
    assert reply.status == 200, reply.body
    assert reply.stream is not None
    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["X-Accel-Buffering"] == "no"
    assert "x-hyperstrate-cost-usd" not in headers
    blocks = list(reply.stream)
    reply.stream.close()
    assert b"".join(blocks).endswith(end)


def test_a_bound_key_picks_its_router_whatever_the_model_is_called(
    admin: FlaskClient, proxy: Proxy, router_id: str
) -> None:
    application = Application(proxy, building.key(admin, router_id))

    reply = application.call("/v1/chat/completions", {**HELLO, "model": "gpt-5"})

    assert dict(reply.headers)["x-hyperstrate-router"] == router_id


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/models"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "hs_wrong"},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Basic abc"},
        {"x-api-key": "\x00\xff" * 9},
    ],
)
def test_who_has_no_key_stays_out(
    application: Application, path: str, headers: dict[str, str]
) -> None:
    method = "GET" if path.endswith("models") else "POST"

    reply = application.call(path, HELLO, method=method, headers=headers)

    assert reply.status == 401
    assert "hs_wrong" not in reply.body.decode()
    assert dict(reply.headers)["x-request-id"]


def refusals(application: Application, body: Any, **options: Any) -> list[tuple[int, Any]]:
    """What the same body gets in each dialect."""
    replies = [
        application.call(path, body, **options)
        for path in ("/v1/chat/completions", "/v1/messages", "/ai/infer", "/v1/embeddings")
    ]
    return [(reply.status, said(reply)) for reply in replies]


def test_a_refusal_is_in_the_dialect_of_its_path(application: Application) -> None:
    openai, anthropic, native, embeddings = refusals(application, b"{")

    assert [status for status, _ in (openai, anthropic, native, embeddings)] == [400] * 4
    assert openai[1]["error"]["type"] == "invalid_request_error"
    assert openai[1]["error"].keys() == {"message", "type", "param", "code"}
    assert anthropic[1]["type"] == "error"
    assert anthropic[1]["error"]["type"] == "invalid_request_error"
    assert "valid JSON" in native[1]["error"]
    assert embeddings[1]["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'"text"', b"7", b"{", b"\xff\xfe", b'{"a": NaN}',
        b'{"model": "\\ud800"}', b"[" * 5000, b'{"a":' * 300 + b"1" + b"}" * 300, b"{}",
    ],
)  # fmt: skip
def test_what_is_no_request_is_a_400(application: Application, body: bytes) -> None:
    assert [status for status, _ in refusals(application, body)] == [400] * 4


@pytest.mark.parametrize("path", ["/ai/infer", "/router/{id}/infer", "/v1/embeddings"])
@pytest.mark.parametrize("messages", [5, True, {"a": 1}, "text"])
def test_a_field_of_another_dialect_is_no_failure(
    application: Application, router_id: str, path: str, messages: Any
) -> None:
    body = {**NATIVE, **EMBED, "messages": messages, "modelId": "mdl_none"}

    reply = application.call(path.format(id=router_id), body)

    assert reply.status < 500, reply.body


@pytest.mark.parametrize("name", ["", "none", "a" * 300, "a\0b", "ünï", "mdl_01"])
def test_a_model_that_nobody_knows_is_refused(application: Application, name: str) -> None:
    answers = refusals(application, {**HELLO, **NATIVE, **EMBED, "model": name, "modelId": name})

    assert {status for status, _ in answers} == ({400} if "\0" in name else {404})


@pytest.mark.parametrize(
    ("path_id", "status"), [("rtr_none", 404), ("a" * 300, 400), ("a\0b", 400)]
)
@pytest.mark.parametrize("end", ["v1/chat/completions", "v1/messages", "infer", "v1/models"])
def test_a_router_that_nobody_knows_is_refused(
    application: Application, path_id: str, status: int, end: str
) -> None:
    method = "GET" if end.endswith("models") else "POST"
    body = {**HELLO, **NATIVE}

    assert application.call(f"/router/{path_id}/{end}", body, method=method).status == status


def test_anothers_router_and_model_are_not_there(
    admin: FlaskClient, client_as: ClientAs, proxy: Proxy, router_id: str
) -> None:
    stranger = Application(proxy, building.key(client_as("stranger")))
    model_id = building.model(admin)

    assert stranger.call(f"/router/{router_id}/infer", NATIVE).status == 404
    assert stranger.call("/v1/messages", HELLO).status == 404
    assert stranger.call(f"/proxy/ai/{model_id}/messages", HELLO).status == 404
    assert stranger.call("/ai/infer", {**NATIVE, "modelId": model_id}).status == 404


def test_a_bound_key_opens_nothing_else(admin: FlaskClient, proxy: Proxy, router_id: str) -> None:
    other, model_id = building.active(admin, "billing"), building.model(admin)
    bound = Application(proxy, building.key(admin, router_id))

    assert bound.call(f"/router/{other}/infer", NATIVE).status == 403
    assert bound.call(f"/proxy/ai/{model_id}/messages", HELLO).status == 403
    assert bound.call("/ai/infer", {**NATIVE, "modelId": model_id}).status == 403


def test_a_router_that_is_no_longer_active_says_so(
    admin: FlaskClient, application: Application, router_id: str
) -> None:
    admin.patch(f"/router/{router_id}", json={"status": "inactive"})

    reply = application.call("/v1/chat/completions", HELLO)

    assert (reply.status, said(reply)["error"]["message"]) == (422, "router is not active")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_another_method_is_a_405_that_names_the_right_one(
    application: Application, method: str
) -> None:
    reply = application.call("/v1/chat/completions", HELLO, method=method)

    assert reply.status == 405
    assert dict(reply.headers)["Allow"] == "POST"
    assert "POST" in said(reply)["error"]["message"]
    assert dict(application.call("/v1/models").headers)["Allow"] == "GET"


def test_a_body_may_be_so_large_and_no_larger(application: Application) -> None:
    def of_size(size: int) -> bytes:
        empty = orjson.dumps({**HELLO, "pad": ""})
        return orjson.dumps({**HELLO, "pad": "x" * (size - len(empty))})

    fits = application.call("/v1/chat/completions", of_size(LIMITS.max_body_bytes))
    answers = refusals(application, of_size(LIMITS.max_body_bytes + 1))

    assert fits.status == 200
    assert {status for status, _ in answers} == {413}
    assert "MAX_BODY_BYTES" in answers[0][1]["error"]["message"]
    assert answers[1][1]["error"]["type"] == "request_too_large"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_there_may_be_so_many_messages_and_no_more(application: Application, path: str) -> None:
    messages = HELLO["messages"]

    fits = application.call(path, {**HELLO, "messages": messages * 3})  # type: ignore[operator]
    refused = application.call(path, {**HELLO, "messages": messages * 4})  # type: ignore[operator]

    assert (fits.status, refused.status) == (200, 400)
    assert "MAX_MESSAGES" in said(refused)["error"]["message"]


def test_names_that_a_client_made_up_do_not_break_the_headers(application: Application) -> None:
    """They come back as dropped; a header has no line ends and no foreign letters."""
    evil = {"a\r\nSet-Cookie: x": 1, "ünï\u2028": {"a": 1}, "b" * 5000: [1]}

    reply = application.call("/v1/messages", {**HELLO, **evil})

    assert reply.status == 200, reply.body
    for _, value in reply.headers:
        assert value.isascii()
        assert value.isprintable()
        assert len(value) <= 2000


def test_a_rate_limit_says_when_to_come_back(
    admin: FlaskClient, application: Application, router_id: str
) -> None:
    config = {"rps": 0.4, "burst": 1}
    feature = {"featureType": "rate_limit", "config": config}
    assert admin.post(f"/router/{router_id}/features", json=feature).status_code == 201

    first = application.call("/v1/chat/completions", HELLO)
    second = application.call("/v1/chat/completions", HELLO)

    assert (first.status, second.status) == (200, 429)
    assert dict(second.headers)["Retry-After"] == "3"


def test_a_session_may_call_too(
    people: People, proxy: Proxy, router_id: str, application: Application
) -> None:
    for person, status in ((people.alice, 200), (people.bob, 200), (people.carol, 404)):
        headers = {"authorization": f"Bearer {person.token}"}
        reply = application.call("/v1/chat/completions", HELLO, headers=headers)
        assert reply.status == status


def test_a_fault_of_ours_in_mid_stream_is_an_error_event() -> None:
    class Faulty:
        is_ready = False

        def __iter__(self) -> Iterator[Chunk]:
            return self

        def __next__(self) -> Chunk:
            raise RuntimeError("secret detail")

        def close(self) -> None: ...

    result = ChatResult(Dialect.OPENAI_CHAT, stream=Faulty())
    stream = SseStream(result, Writer(result, "ilog_1", "support", wants_usage=False))

    [event] = stream

    assert b"internal server error" in event
    assert b"secret detail" not in event
    assert b"[DONE]" not in event


def test_a_fault_of_ours_says_nothing_of_itself(
    app: Flask, application: Application, router_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a port raises, the caller reads that it was us, and the request's name."""

    class Broken:
        def from_credential(self, credential: str) -> None:
            raise RuntimeError("secret detail")

    broken = Call(paths.read("/v1/messages"), "POST", {"x-api-key": "x"}, b"{}")  # type: ignore[arg-type]
    ports = routers.ports()
    proxy = Proxy(
        type(ports)(**{**{name: getattr(ports, name) for name in ports.__slots__},
                       "identities": Broken()}),
        Plans(ports),
        LIMITS,
    )  # fmt: skip

    reply = proxy.handle(broken)

    assert reply.status == 500
    assert "secret detail" not in reply.body.decode()
    assert said(reply)["error"]["message"] == "internal server error"


@pytest.mark.parametrize("other", ["sk-ant-placeholder", "hs_placeholder", "", "hs_" + "x" * 38])
@pytest.mark.parametrize("place", ["x-api-key", "authorization"])
def test_a_placeholder_beside_a_right_key_does_no_harm(
    admin: FlaskClient, application: Application, place: str, other: str
) -> None:
    key = building.key(admin)
    pair = (other, key) if place == "x-api-key" else (key, other)
    headers = {"x-api-key": pair[0], "authorization": f"Bearer {pair[1]}"}

    assert application.call("/v1/messages", HELLO, headers=headers).status == 200


def test_two_keys_of_two_callers_are_refused(admin: FlaskClient, application: Application) -> None:
    one, two = building.key(admin), building.key(admin)

    def status(first: str, second: str) -> int:
        headers = {"x-api-key": first, "authorization": f"Bearer {second}"}
        return application.call("/v1/messages", HELLO, headers=headers).status

    assert (status(one, one), status(one, two), status("hs_a", "sk-b")) == (200, 401, 401)


def test_a_placeholder_asks_no_database(
    admin: FlaskClient, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = building.key(admin)
    headers = {"x-api-key": "hs_" + "x" * 38, "authorization": f"Bearer {key}"}
    assert application.call("/v1/messages", HELLO, headers=headers).status == 200
    asked: list[str] = []
    monkeypatch.setattr(cache, "_context", lambda: asked.append("asked"))

    assert application.call("/v1/messages", HELLO, headers=headers).status == 200

    assert asked == []
