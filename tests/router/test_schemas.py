"""The schemas of the router's API, as the document shows them."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from marshmallow import ValidationError

from hyperstrate.router.features import FEATURES
from hyperstrate.router.schemas import CreateFeature, UpdateRouter, UpdateTarget


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    return dict(app.test_client().get("/swagger/doc.json").get_json())


def test_a_config_may_be_that_of_any_feature(document: dict[str, Any]) -> None:
    """Two features may both accept an empty config: it is not one of them, it is any of them."""
    config = document["components"]["schemas"]["CreateFeature"]["properties"]["config"]

    titles = [shape["title"] for shape in config["anyOf"]]
    assert titles == [feature.name for feature in FEATURES]
    assert all(shape["additionalProperties"] is False for shape in config["anyOf"])


def test_every_route_of_the_routers_is_in_the_document(document: dict[str, Any]) -> None:
    paths = document["paths"]

    assert {"get", "post"} <= set(paths["/router"])
    assert {"get", "patch", "delete"} <= set(paths["/router/{router_id}"])
    assert {"get", "post", "put"} <= set(paths["/router/{router_id}/targets"])
    for kind in ("targets/{target_id}", "features/{feature_id}", "interceptors/{interceptor_id}"):
        assert {"patch", "delete"} <= set(paths[f"/router/{{router_id}}/{kind}"])
    assert "post" in paths["/router/{id}/v1/chat/completions"]


def test_null_is_as_good_as_absent() -> None:
    assert UpdateRouter().load({"name": None, "status": None}) == {}
    assert UpdateTarget().load({"weight": None}) == {}


def test_numbers_that_are_none_are_refused() -> None:
    for body in ({"percentage": float("nan")}, {"percentage": float("inf")}, {"weight": True}):
        with pytest.raises(ValidationError):
            UpdateTarget().load(body)


def test_a_feature_starts_with_an_empty_config() -> None:
    first, second = (CreateFeature().load({"featureType": "retry"}) for _ in range(2))

    assert first["config"] == {}
    assert first["config"] is not second["config"]
