"""Routers and what they need, made over REST as an administrator makes them."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

Json = dict[str, Any]


def model(client: FlaskClient, **fields: Any) -> str:
    """A model that answers without network; its id."""
    return str(_made(client, "/ai/models", {"modelDefinitionKey": "dummy", **fields})["id"])


def prompt(client: FlaskClient, content: str = "Answer briefly.", name: str = "Brief") -> str:
    return str(_made(client, "/prompts", {"name": name, "content": content})["id"])


def router(client: FlaskClient, name: str = "support", **fields: Any) -> Json:
    """A router as the API shows it; a draft without targets."""
    return _made(client, "/router", {"name": name, "strategy": "failover", **fields})


def target(client: FlaskClient, router_id: str, model_id: str = "", **fields: Any) -> Json:
    body = {"modelId": model_id or model(client), **fields}
    return _made(client, f"/router/{router_id}/targets", body)


def active(client: FlaskClient, name: str = "support", **fields: Any) -> str:
    """An active router with one target; its id."""
    router_id = str(router(client, name, **fields)["id"])
    target(client, router_id, percentage=100)
    changed = client.patch(f"/router/{router_id}", json={"status": "active"})
    assert changed.status_code == 200, changed.text
    return router_id


def key(client: FlaskClient, router_id: str = "") -> str:
    """An API key in clear text: of one router, or of all."""
    binding = {"scope": "router", "routerId": router_id} if router_id else {"scope": "global"}
    return str(_made(client, "/auth/api-keys", {"name": "CI", **binding})["key"])


def _made(client: FlaskClient, path: str, body: Json) -> Json:
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json())
