"""The REST API of models, at the original's paths and in its words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import answers
from tests.people import Part
from tests.upstreams import Provider

ClientAs = Callable[[Part | None], FlaskClient]
KEY = {"baseUrl": "http://127.0.0.1:9", "apiKey": "sk-canary-123"}


@pytest.fixture
def admin(client_as: ClientAs) -> FlaskClient:
    return client_as("admin")


def make(client: FlaskClient, key: str = "chatgpt/gpt-5", **fields: Any) -> dict[str, Any]:
    made = client.post("/ai/models", json={"modelDefinitionKey": key, **fields})
    assert made.status_code == 201, made.text
    return dict(made.get_json())


def test_the_catalog_is_searched(admin: FlaskClient) -> None:
    found = admin.get("/ai/catalog?query=sonnet+4.5&capabilities=vision&capabilities=reasoning")

    by_key = {definition["key"]: definition for definition in found.get_json()}
    definition = by_key["anthropic/claude-sonnet-4-5"]
    assert definition["provider"] == "ANTHROPIC"
    assert definition["modelId"] == "claude-sonnet-4-5"
    assert definition["displayName"] == "Claude Sonnet 4.5"
    assert definition["inputPricePer1MTokens"] == 3
    assert definition["cachedInputPricePer1MTokens"] == 0.3
    assert definition["cacheWriteInputPricePer1MTokens"] == 3.75
    assert definition["cacheWrite1hInputPricePer1MTokens"] == 6
    assert definition["outputPricePer1MTokens"] == 15
    assert definition["priceTiers"][0][1]["inputPricePer1MTokens"] == 6
    assert definition["contextWindowTokens"] >= 200_000
    assert definition["defaultBaseUrl"] == "https://api.anthropic.com/v1"
    assert definition["credentialFields"] == [
        {"key": "apiKey", "label": "API key", "required": True, "description": ""}
    ]
    assert [field["key"] for field in definition["inputFields"]] == [
        "systemPrompt",
        "prompt",
        "image",
    ]
    assert definition["isSupported"] is True


def test_the_whole_catalog_can_be_read(admin: FlaskClient) -> None:
    definitions = admin.get("/ai/catalog").get_json()

    assert len(definitions) >= 400
    unpriced = [d["key"] for d in definitions if "inputPricePer1MTokens" not in d]
    assert all(key.startswith(("kling/", "custom")) for key in unpriced)


def test_a_model_is_registered_read_renamed_and_deleted(admin: FlaskClient) -> None:
    made = make(admin, alias="fast")
    path = f"/ai/models/{made['id']}"
    assert made["alias"] == "fast"
    assert made["hasConfiguration"] is False
    assert made["modelId"] == "gpt-5"

    assert admin.get(path).get_json() == made
    assert admin.patch(path, json={"alias": "slow"}).get_json()["alias"] == "slow"
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404


def test_any_model_of_a_provider_can_be_called(admin: FlaskClient) -> None:
    made = make(admin, upstreamModel="gpt-99")

    assert (made["modelId"], made["isPriced"]) == ("gpt-99", False)


def test_lists_pages_and_ids(admin: FlaskClient) -> None:
    first, second = make(admin), make(admin, "dummy")

    page = admin.get("/ai/models?page=1&perPage=1").get_json()
    assert [item["id"] for item in page["items"]] == [second["id"]]
    assert page["meta"] == {"total": 2, "count": 1, "perPage": 1, "pages": 2, "page": 1}

    some = admin.get(f"/ai/models?ids={first['id']}&ids=mdl_none").get_json()
    assert [item["id"] for item in some["items"]] == [first["id"]]
    assert [item["id"] for item in admin.get("/ai/models?query=dummy").get_json()["items"]] == [
        second["id"]
    ]


def test_no_secret_ever_comes_out(admin: FlaskClient) -> None:
    path = f"/ai/models/{make(admin)['id']}/configuration"
    secrets = {
        "apiSecret": "canary-2",
        "apiKeyPool": ["canary-3"],
        "extraHeaders": {"X-A": "canary-4"},
    }

    written = admin.put(path, json={**KEY, **secrets})
    read = admin.get(path)

    assert written.status_code == read.status_code == 200
    assert written.get_json() == read.get_json()
    assert "canary" not in written.text + admin.get("/ai/models").text
    assert {
        "hasApiKey": True,
        "hasApiSecret": True,
        "apiKeyPoolSize": 1,
        "extraHeaders": {"x-a": "<redacted>"},
        "timeoutSecs": 600,
    }.items() <= read.get_json().items()


def test_blank_keys_stay_and_an_empty_pool_clears(admin: FlaskClient) -> None:
    path = f"/ai/models/{make(admin)['id']}/configuration"
    admin.put(path, json={**KEY, "apiKeyPool": ["a", "b"], "extraHeaders": {"X-A": "1"}})

    kept = admin.put(path, json={"baseUrl": KEY["baseUrl"], "apiKey": ""}).get_json()
    assert (kept["hasApiKey"], kept["apiKeyPoolSize"], len(kept["extraHeaders"])) == (True, 2, 1)

    cleared = admin.put(path, json={"baseUrl": KEY["baseUrl"], "apiKeyPool": []}).get_json()
    assert cleared["apiKeyPoolSize"] == 0


def test_configurations_of_some_models(admin: FlaskClient) -> None:
    made = make(admin)
    admin.put(f"/ai/models/{made['id']}/configuration", json=KEY)

    found = admin.get(f"/ai/models/configurations?ids={made['id']}").get_json()

    assert [row["modelId"] for row in found] == [made["id"]]
    assert admin.get("/ai/models/configurations").get_json() == []


def test_a_model_is_tested(admin: FlaskClient, provider: Provider) -> None:
    made = make(admin)
    provider.answers(answers.openai("OK"), answers.error(500, "Out of order"))
    admin.put(f"/ai/models/{made['id']}/configuration", json={**KEY, "baseUrl": provider.url})

    good = admin.post(f"/ai/models/{made['id']}/test").get_json()
    assert (good["ok"], good["text"], good["error"]) == (True, "OK", "")
    bad = admin.post(f"/ai/models/{made['id']}/test").get_json()
    assert bad["ok"] is False
    assert "Out of order" in bad["error"]
    assert "Out of order" in admin.get(f"/ai/models/{made['id']}").get_json()["testError"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "modelDefinitionKey"),
        ({"modelDefinitionKey": 7}, 400, "modelDefinitionKey"),
        ({"modelDefinitionKey": "none"}, 404, None),
        ({"modelDefinitionKey": "gemini/gemini-2.5-pro"}, 422, None),
        ({"modelDefinitionKey": "dummy", "alias": "a" * 256}, 400, "alias"),
    ],
)
def test_nonsense_is_refused_with_its_field(
    admin: FlaskClient, body: dict[str, Any], status: int, field: str | None
) -> None:
    refused = admin.post("/ai/models", json=body)

    assert refused.status_code == status, refused.text
    assert refused.get_json()["error"]
    assert field is None or field in refused.get_json()["fields"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"baseUrl": "http://169.254.169.254/"}, "baseUrl"),
        ({"baseUrl": 7}, "baseUrl"),
        ({"extraHeaders": {"X-A": "a\nb"}}, "extraHeaders"),
        ({"extraHeaders": "X-A"}, "extraHeaders"),
        ({"apiKeyPool": "x"}, "apiKeyPool"),
        ({"timeoutSecs": "soon"}, "timeoutSecs"),
        ({"timeoutSecs": 1e9}, "timeoutSecs"),
        ({"idleTimeoutSecs": "nan"}, "idleTimeoutSecs"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(
    admin: FlaskClient, body: dict[str, Any], field: str
) -> None:
    path = f"/ai/models/{make(admin)['id']}/configuration"

    refused = admin.put(path, json=body)

    assert refused.status_code == 400, refused.text
    assert list(refused.get_json()["fields"]) == [field]
    assert admin.get(path).status_code == 404


def test_unknown_fields_are_ignored(admin: FlaskClient) -> None:
    assert make(admin, somethingNew=1)["id"]


def test_malformed_json_is_refused(admin: FlaskClient) -> None:
    refused = admin.post("/ai/models", data=b'{"a":', content_type="application/json")

    assert refused.status_code == 400


def test_an_id_of_300_characters_is_refused(admin: FlaskClient) -> None:
    assert admin.get("/ai/models/" + "a" * 300).status_code == 400


ROUTES = [
    ("GET", "/ai/catalog"), ("GET", "/ai/models"), ("POST", "/ai/models"),
    ("GET", "/ai/models/configurations"), ("GET", "/ai/models/{id}"), ("PATCH", "/ai/models/{id}"),
    ("DELETE", "/ai/models/{id}"), ("GET", "/ai/models/{id}/configuration"),
    ("PUT", "/ai/models/{id}/configuration"), ("POST", "/ai/models/{id}/test"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_only_admins_come_in(client_as: ClientAs, method: str, path: str) -> None:
    made = make(client_as("admin"))
    path = path.format(id=made["id"])

    assert client_as("member").open(path, method=method, json={}).status_code == 403
    assert client_as(None).open(path, method=method, json={}).status_code == 401


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "{id}" in route[1]])
def test_another_organizations_model_is_not_there(
    client_as: ClientAs, method: str, path: str
) -> None:
    made = make(client_as("admin"))

    answer = client_as("stranger").open(path.format(id=made["id"]), method=method, json=KEY)

    assert answer.status_code == 404
