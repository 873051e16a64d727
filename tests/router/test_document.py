"""The API document tells the truth about the inference paths."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hyperstrate.router import document, paths
from hyperstrate.router.views import _ROUTES
from tests.people import Client
from tests.router import building
from tests.router.test_views import ClientAs

JSON = "application/json"


@pytest.fixture
def whole(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = Client(app, app.response_class).get("/swagger/doc.json").get_json()
    return found


def operation(whole: dict[str, Any], method: str, rule: str) -> dict[str, Any]:
    path = re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule)
    found: dict[str, Any] = whole["paths"][path][method.lower()]
    return found


def refs_in(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [ref for value in part.values() for ref in refs_in(value)]
    return [ref for item in part for ref in refs_in(item)] if isinstance(part, list) else []


def test_every_reference_leads_somewhere(whole: dict[str, Any]) -> None:
    for ref in refs_in(whole):
        _, _, kind, name = ref.split("/")
        assert name in whole["components"][kind], ref


@pytest.mark.parametrize(
    ("rule", "body", "error", "is_streamed"),
    [
        ("/v1/chat/completions", "OpenAIChatRequest", "OpenAIError", True),
        ("/router/<id>/v1/messages", "AnthropicMessagesRequest", "AnthropicError", True),
        ("/v1/embeddings", "OpenAIEmbeddingsRequest", "OpenAIError", False),
        ("/router/<id>/infer", "InferRequest", "Error", False),
    ],
)
def test_a_path_has_the_body_the_stream_and_the_errors_of_its_dialect(
    whole: dict[str, Any], rule: str, body: str, error: str, is_streamed: bool
) -> None:
    found = operation(whole, "POST", rule)

    answer = found["responses"]["200"]["content"]
    assert found["security"] == [{"bearer": []}, {"apiKey": []}]
    assert found["requestBody"]["content"][JSON]["schema"]["$ref"].endswith(f"/{body}")
    refused = found["responses"]["default"]["content"][JSON]["schema"]
    assert refused["$ref"].endswith(f"/{error}")
    assert ("text/event-stream" in answer) is is_streamed
    assert JSON in answer


def test_the_path_of_streams_has_only_a_stream(whole: dict[str, Any]) -> None:
    found = operation(whole, "POST", "/ai/infer/stream")

    assert list(found["responses"]["200"]["content"]) == ["text/event-stream"]


def test_the_proxy_path_names_all_that_it_takes(whole: dict[str, Any]) -> None:
    of_router = operation(whole, "POST", "/proxy/router/<id>/<path:rest>")
    of_model = operation(whole, "POST", "/proxy/ai/<id>/<path:rest>")

    for end in (*paths.SDK_ENDPOINTS, *paths.NATIVE_ENDPOINTS):
        is_call = end != "models"
        assert (f"`{end}`" in of_router["description"]) is is_call
        is_sdk = end in paths.SDK_ENDPOINTS
        assert (f"`{end}`" in of_model["description"]) is (is_call and is_sdk)


@pytest.mark.parametrize(("method", "rule"), [(method, rule) for method, rule, _ in _ROUTES])
def test_every_route_says_how_to_come_in_or_that_it_is_not_served(method: str, rule: str) -> None:
    said = document.operation(method, rule)

    assert ("security" in said) is ("404" not in said["responses"])


def test_the_answers_have_the_members_that_are_promised(client_as: ClientAs) -> None:
    admin: FlaskClient = client_as("admin")
    path = f"/router/{building.active(admin)}"
    schemas = document.SCHEMAS

    for end, body, name in (
        ("infer", {"fields": {"prompt": "Hi"}}, "InferResult"),
        ("v1/chat/completions", {"messages": []}, "OpenAIError"),
        ("v1/messages", {"messages": []}, "AnthropicError"),
    ):
        said = admin.post(f"{path}/{end}", json=body).get_json()
        assert set(schemas[name]["required"]) <= set(said) <= set(schemas[name]["properties"])
    models = admin.get(f"{path}/v1/models").get_json()
    assert set(schemas["ModelList"]["required"]) <= set(models)
