"""Sets a running installation up for the benchmark, over its own REST API."""

from __future__ import annotations

import http.client
import json
from typing import Any

EMAIL, PASSWORD = "bench@example.com", "a password for benchmarks"
ROUTER = "gpt-4o-mini"


class Rest:
    """Calls an installation on loopback. Raises RuntimeError with what it answered."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._token = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        connection.request(method, path, json.dumps(body), headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {answer.decode()}")
        return json.loads(answer) if answer else None

    def sign_in(self) -> None:
        answer = self.call("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})
        self._token = answer["token"]


def prepare(port: int, mock_port: int, *, is_governed: bool = False) -> str:
    """A router with a rate limit in front of the mock provider; returns an API key for it.

    ``is_governed``: with limits on the key, and budgets on key, router and organisation.
    """
    rest = Rest(port)
    rest.sign_in()
    model = rest.call("POST", "/ai/models", {"modelDefinitionKey": "chatgpt/gpt-4o-mini"})["id"]
    reached = {"baseUrl": f"http://127.0.0.1:{mock_port}/v1", "apiKey": "sk-bench"}
    rest.call("PUT", f"/ai/models/{model}/configuration", reached)
    asked = {"name": ROUTER, "strategy": "round_robin"}
    router = rest.call("POST", "/router", asked)["id"]
    rest.call("POST", f"/router/{router}/targets", {"modelId": model})
    limit = {"featureType": "rate_limit", "config": {"rps": 1_000_000}}
    rest.call("POST", f"/router/{router}/features", limit)
    rest.call("PATCH", f"/router/{router}", {"status": "active"})
    made = rest.call("POST", "/auth/api-keys", {"name": "bench", "routerId": router})
    if is_governed:
        _govern(rest, {"api_key": made["id"], "router": router, "organization": made["orgId"]})
    key: str = made["key"]
    return key


def _govern(rest: Rest, scopes: dict[str, str]) -> None:
    much = {"requestsPerMinute": 10**7, "tokensPerMinute": 10**10}
    rest.call("PUT", f"/auth/limits/api_key/{scopes['api_key']}", much)
    for scope, scope_id in scopes.items():
        rest.call("POST", "/auth/budgets", {"scope": scope, "scopeId": scope_id, "amount": 10**6})
