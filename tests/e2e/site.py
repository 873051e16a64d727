"""An installation on PostgreSQL for bad input: it refuses more than SQLite does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.gateway import Admin, Gateway

ROUTER_NAME = "bad-input"
MAX_BODY_BYTES = 16 * 2**20
MESSAGES: list[Any] = [{"role": "user", "content": "Say hello"}]
CHAT: dict[str, Any] = {"model": ROUTER_NAME, "messages": MESSAGES}
MESSAGE: dict[str, Any] = {**CHAT, "max_tokens": 100}
EMBED: dict[str, Any] = {"model": ROUTER_NAME, "input": "Hello"}
INFER: dict[str, Any] = {"fields": {"prompt": "Say hello"}}
# Every inference path, and what is right there.
RIGHT: dict[str, dict[str, Any]] = {
    "/router/{router}/v1/chat/completions": CHAT,
    "/router/{router}/v1/messages": MESSAGE,
    "/router/{router}/v1/embeddings": EMBED,
    "/router/{router}/infer": INFER,
    "/router/{router}/infer/stream": INFER,
    "/proxy/router/{router}/chat/completions": CHAT,
    "/proxy/router/{router}/v1/messages": MESSAGE,
    "/proxy/router/{router}/infer": INFER,
    "/proxy/ai/{model}/v1/chat/completions": CHAT,
    "/proxy/ai/{model}/messages": MESSAGE,
    "/ai/infer": {**INFER, "modelId": "{model}"},
    "/ai/infer/stream": {**INFER, "modelId": "{model}"},
    "/v1/chat/completions": CHAT,
    "/v1/messages": MESSAGE,
    "/v1/embeddings": EMBED,
}
STRANGE_IDS = ["x" * 300, "x", "%00", "a%00b", "%ff%fe", "%20", "'", "rtr_%0d%0aX-Y:1"]


def nested(depth: int, opening: str = '{"a":', closing: str = "}") -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"hello",
    "half": b'{"messages": [{"role": "user", "con',
    "a list": b"[]",
    "a number": b"42",
    "null": b"null",
    "NaN": b'{"temperature": NaN}',
    "infinity": b'{"temperature": 1e999}',
    "half a surrogate pair": rb'{"model": "\ud800"}',
    "invalid UTF-8": b'{"model": "\xff\xfe"}',
    "UTF-16": '{"model": "x"}'.encode("utf-16"),
    "a form": b"model=x&messages=y",
    "depth that no reader takes": nested(100_000),
    "depth that no writer takes": nested(400),
    "lists without end": b"[" * 1_000_000,
}


@dataclass(frozen=True)
class Refusal:
    """An error as a client got it."""

    status: int
    message: str
    headers: Mapping[str, str]


class Site:
    """The installation, one router on it over DUMMY, and a key that opens everything."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.admin = Admin(gateway)
        self.admin.set_up()
        self.model = self.admin.model("dummy")
        self.router = self.admin.router(ROUTER_NAME, self.model)
        self.key = self.admin.key()

    def filled(self, template: str) -> str:
        return template.replace("{router}", self.router).replace("{model}", self.model)

    def right(self, path: str) -> dict[str, Any]:
        """A body that is right at ``path``."""
        found: dict[str, Any] = json.loads(self.filled(json.dumps(RIGHT[path])))
        return found

    def rest(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A call of Ada's over REST: its status and what came."""
        headers = {"Authorization": f"Bearer {self.admin.token}"}
        status, _, content = self.gateway.request(method, path, body, headers)
        return status, json.loads(content) if content else None

    def send(
        self, path: str, body: Any, method: str = "POST", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        given = {"Authorization": f"Bearer {self.key}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.gateway.request(method, self.filled(path), body, given)

    def refused(self, path: str, body: Any, method: str = "POST", **headers: str) -> Refusal:
        """The refusal of a request, in the dialect of its path."""
        status, given, content = self.send(path, body, method, **headers)
        said = json.loads(content)
        assert 400 <= status < 500, content
        assert given["content-type"] == "application/json"
        assert "x-hyperstrate-request-id" in given
        if "messages" in path:
            assert said["type"] == "error"
        message = said["error"] if "infer" in path else said["error"]["message"]
        return Refusal(status, message, given)
