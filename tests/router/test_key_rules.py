"""What a key may be used for holds on every road to a model, and costs no SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from hyperstrate.events import RoutedInference, routed_inference
from hyperstrate.router import paths, routers
from hyperstrate.router.plan import Plans
from hyperstrate.router.proxy import Call, Limits, Proxy, Reply
from hyperstrate.shared.crypto import new_api_key
from hyperstrate.shared.db import db
from tests.people import Part, People
from tests.router import building

ClientAs = Callable[[Part | None], FlaskClient]
HELLO = {"model": "support", "messages": [{"role": "user", "content": "Hello"}]}
NATIVE = {"fields": {"prompt": "Hello"}}


class Gateway:
    """Keys with rules, and calls with them from wherever."""

    def __init__(self, admin: FlaskClient) -> None:
        self.admin = admin
        self.router_id = building.active(admin, "support")
        self.proxy = Proxy(
            routers.ports(), Plans(routers.ports()), Limits(max_body_bytes=10_000, max_messages=3)
        )

    def key(self, **rules: Any) -> str:
        body = {"name": "CI", "scope": "global", **rules}
        answer = self.admin.post("/auth/api-keys", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["key"])

    def ask(self, key: str, path: str = "", body: Any = None, address: str = "") -> Reply:
        found = paths.read(path or f"/router/{self.router_id}/v1/chat/completions")
        assert found is not None
        raw = b"" if found.endpoint.method == "GET" else orjson.dumps(body or HELLO)
        headers = {"x-api-key": key}
        call = Call(found, found.endpoint.method, headers, raw, address=address)
        return self.proxy.handle(call)

    def models(self, key: str, path: str = "/v1/models") -> list[str]:
        return [entry["id"] for entry in orjson.loads(self.ask(key, path).body)["data"]]


@pytest.fixture
def gateway(client_as: ClientAs, people: People) -> Gateway:
    return Gateway(client_as("admin"))


@pytest.fixture
def heard() -> Iterator[list[RoutedInference]]:
    events: list[RoutedInference] = []
    routed_inference.connect(events.append)
    yield events
    routed_inference.disconnect(events.append)


def test_a_key_of_some_routers_opens_no_other_and_no_model(gateway: Gateway) -> None:
    other = building.active(gateway.admin, "billing")
    key = gateway.key(allowedRouters=[gateway.router_id])
    model = building.model(gateway.admin)

    assert gateway.ask(key).status == 200
    assert gateway.ask(key, "/v1/chat/completions").status == 200
    for path, body in (
        (f"/router/{other}/v1/messages", HELLO),
        (f"/router/{other}/v1/models", None),
        ("/v1/chat/completions", {**HELLO, "model": "billing"}),
        ("/ai/infer", {**NATIVE, "modelId": model}),
        (f"/proxy/ai/{model}/v1/chat/completions", HELLO),
    ):
        assert gateway.ask(key, path, body).status == 403, path
    assert gateway.models(key) == ["support"]
    assert set(gateway.models(gateway.key())) == {"support", "billing"}


@pytest.mark.parametrize(
    "rules", [{"deniedModels": ["dum*"]}, {"allowedModels": ["gpt-*"]}], ids=["denied", "else"]
)
def test_a_model_that_a_key_may_not_use_is_named_in_the_refusal(
    gateway: Gateway, rules: dict[str, Any]
) -> None:
    key = gateway.key(**rules)
    model = building.model(gateway.admin)

    for path, body in (
        ("", HELLO),
        ("/ai/infer", {**NATIVE, "modelId": model}),
        (f"/proxy/ai/{model}/v1/messages", {**HELLO, "max_tokens": 5}),
    ):
        refused = gateway.ask(key, path, body)
        assert refused.status == 403, path
        assert b"may not use the model dummy" in refused.body
    assert gateway.models(key, f"/router/{gateway.router_id}/v1/models") == ["support"]
    assert gateway.models(key, f"/proxy/ai/{model}/v1/models") == []


def test_of_several_targets_only_those_are_tried_that_the_key_may_use(gateway: Gateway) -> None:
    own = building.model(gateway.admin, alias="second")
    second = building.target(gateway.admin, gateway.router_id, own, priority=9)["id"]
    key = gateway.key(allowedModels=["second"])

    answers = [gateway.ask(key) for _ in range(3)]

    told = {dict(answer.headers)["x-hyperstrate-target"] for answer in answers}
    assert told == {second}
    first = dict(gateway.ask(gateway.key()).headers)["x-hyperstrate-target"]
    assert first != second


def test_an_answer_of_a_denied_model_does_not_come_from_the_cache(gateway: Gateway) -> None:
    own = building.model(gateway.admin, alias="second")
    building.target(gateway.admin, gateway.router_id, own, priority=9)
    made = gateway.admin.post(
        f"/router/{gateway.router_id}/features",
        json={"featureType": "response_cache", "config": {}, "isEnabled": True},
    )
    assert made.status_code == 201, made.text
    gateway.ask(gateway.key())

    cached = dict(gateway.ask(gateway.key()).headers)["x-hyperstrate-cache"]
    narrowed = dict(gateway.ask(gateway.key(allowedModels=["second"])).headers)

    assert cached == "exact"
    assert narrowed["x-hyperstrate-cache"] == "miss"


def test_a_key_of_a_network_is_refused_from_elsewhere_in_the_dialect(gateway: Gateway) -> None:
    key = gateway.key(allowedNetworks=["10.0.0.0/8"])

    assert gateway.ask(key, address="10.9.8.7").status == 200
    for address in ("11.0.0.1", "", "unix:"):
        for path in ("", "/v1/models", f"/router/{gateway.router_id}/v1/messages"):
            refused = gateway.ask(key, path, address=address)
            assert refused.status == 403
            assert b"may not be used from this address" in refused.body


@pytest.mark.parametrize(
    ("says", "router_keeps", "is_kept"),
    [
        ("inherit", True, True),
        ("inherit", False, False),
        ("on", False, True),
        ("off", True, False),
    ],
)
def test_a_key_says_whether_content_is_kept(
    gateway: Gateway,
    heard: list[RoutedInference],
    says: str,
    router_keeps: bool,
    is_kept: bool,
) -> None:
    router_id = building.active(gateway.admin, "kept", storePayloads=router_keeps)
    key = gateway.key(contentLogging=says)

    assert gateway.ask(key, f"/router/{router_id}/v1/chat/completions").status == 200

    assert (heard[-1].request_body is not None) is is_kept
    assert (heard[-1].response_text is not None) is is_kept


def test_the_log_says_which_key_and_secret_was_used(
    gateway: Gateway, heard: list[RoutedInference]
) -> None:
    body = {"name": "Guest", "routerId": gateway.router_id}
    virtual = gateway.admin.post("/auth/virtual-keys", json=body).get_json()
    counting = gateway.key(virtualKeyId=virtual["id"])

    gateway.ask(virtual["key"])
    gateway.ask(counting)

    by_virtual, by_counting = heard
    assert (by_virtual.api_key_id, by_virtual.virtual_key_id) == ("", virtual["id"])
    assert by_virtual.key_prefix == virtual["prefix"]
    assert by_counting.api_key_id
    assert by_counting.virtual_key_id == virtual["id"]
    assert counting.startswith(by_counting.key_prefix)


def test_a_virtual_key_opens_its_router_and_nothing_else(gateway: Gateway) -> None:
    other = building.active(gateway.admin, "billing")
    body = {"name": "Guest", "routerId": gateway.router_id}
    key = gateway.admin.post("/auth/virtual-keys", json=body).get_json()["key"]

    assert gateway.ask(key).status == 200
    assert gateway.ask(key, "/v1/chat/completions", {**HELLO, "model": "any"}).status == 200
    assert gateway.ask(key, f"/router/{other}/v1/chat/completions").status == 403
    assert gateway.ask(key, "/ai/infer", {**NATIVE, "modelId": "mdl_x"}).status == 403


@pytest.mark.parametrize(
    ("ceiling", "status"),
    [({"maxRequests": 2}, 402), ({"rateLimitRps": 2}, 429)],
    ids=["requests", "rate"],
)
def test_the_ceilings_of_a_virtual_key_hold_also_for_keys_that_count_on_it(
    gateway: Gateway, ceiling: dict[str, Any], status: int
) -> None:
    body = {"name": "Guest", "routerId": gateway.router_id, **ceiling}
    virtual = gateway.admin.post("/auth/virtual-keys", json=body).get_json()
    counting = gateway.key(virtualKeyId=virtual["id"])

    told = [gateway.ask(key).status for key in (virtual["key"], counting, virtual["key"], counting)]

    assert told == [200, 200, status, status]


def test_rules_cost_no_sql(gateway: Gateway, app: Flask) -> None:
    key = gateway.key(
        allowedRouters=[gateway.router_id], deniedModels=["x*"], allowedNetworks=["10.0.0.0/8"]
    )
    assert gateway.ask(key, address="10.0.0.1").status == 200
    run: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        run.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    answers = [gateway.ask(key, address=address).status for address in ("10.0.0.1", "11.0.0.1")]
    event.remove(db.engine, "before_cursor_execute", note)

    assert answers == [200, 403]
    assert run == []


def test_a_refused_key_is_echoed_nowhere_complaint_36(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    disabled = gateway.admin.post("/auth/api-keys", json={"name": "x", "scope": "global"})
    path = f"/auth/api-keys/{disabled.get_json()['id']}"
    gateway.admin.patch(path, json={"isEnabled": False})
    secrets = [
        disabled.get_json()["key"],
        gateway.key(allowedNetworks=["10.0.0.0/8"]),
        new_api_key(),
        f"{new_api_key()}x",
        "sk-of-somebody-else-1234567890",
    ]

    answers = [gateway.ask(secret) for secret in secrets]

    said = capsys.readouterr()
    assert [answer.status for answer in answers] == [401, 403, 401, 401, 401]
    for secret, answer in zip(secrets, answers, strict=True):
        assert secret[10:] not in f"{answer.body!r} {answer.headers} {said.out} {said.err}"
