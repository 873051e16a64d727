"""Every path on which applications call models, and those that are none."""

from __future__ import annotations

import pytest

from hyperstrate.router.paths import (
    CHAT,
    EMBEDDINGS,
    INFER,
    INFER_STREAM,
    MESSAGES,
    MODELS,
    Endpoint,
    Place,
    read,
)
from hyperstrate.shared.chat import Dialect

SDK = {"chat/completions": CHAT, "messages": MESSAGES, "embeddings": EMBEDDINGS, "models": MODELS}
BASES: dict[str, tuple[Place, str]] = {
    "/v1/": ("short", ""),
    "/v1/v1/": ("short", ""),
    "/router/R/": ("router", "R"),
    "/router/R/v1/": ("router", "R"),
    "/router/R/v1/v1/": ("router", "R"),
    "/proxy/router/R/": ("router", "R"),
    "/proxy/router/R/v1/": ("router", "R"),
    "/proxy/router/R/v1/v1/": ("router", "R"),
    "/proxy/ai/M/": ("model", "M"),
    "/proxy/ai/M/v1/": ("model", "M"),
    "/proxy/ai/M/v1/v1/": ("model", "M"),
}
NATIVE = {"/ai/": ("short", ""), "/router/R/": ("router", "R"), "/proxy/router/R/": ("router", "R")}


@pytest.mark.parametrize("end", SDK)
@pytest.mark.parametrize("base", BASES)
def test_any_base_url_serves_the_sdks(base: str, end: str) -> None:
    """OpenAI's SDK adds chat/completions to its base URL, Anthropic's adds v1/messages."""
    path = read(base + end)

    assert path is not None
    assert (path.place, path.id) == BASES[base]
    assert path.endpoint == SDK[end]


@pytest.mark.parametrize(("end", "endpoint"), [("infer", INFER), ("infer/stream", INFER_STREAM)])
@pytest.mark.parametrize("base", NATIVE)
def test_the_native_paths(base: str, end: str, endpoint: Endpoint) -> None:
    path = read(base + end)

    assert path is not None
    assert (path.place, path.id) == NATIVE[base]
    assert path.endpoint == endpoint


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/v1", "/v1/", "/v1/responses", "/v1/models/", "/router//v1/models",
        "/proxy/router//infer",
        "/proxy/ai//messages", "/v1/chat", "/v2/models",
        "/router/R/v1/v1/v1/models", "/v1/infer", "/ai", "/ai/", "/ai/models", "/ai/infer/",
        "/ai/v1/messages", "/router", "/router/R", "/router/R/targets", "/router/R/features",
        "/router/R/access", "/router/R/v1", "/router/R/v1/infer", "/router/evaluations",
        "/proxy", "/proxy/", "/proxy/router/R", "/proxy/router/R/", "/proxy/router/R/v1/infer",
        "/proxy/ai/M", "/proxy/ai/M/infer", "/proxy/other/X/v1/models", "/app/routers",
        "/auth/login", "//v1/models", "v1/models", "/V1/models", "/v1/Models",
    ],
)  # fmt: skip
def test_everything_else_is_no_inference_path(path: str) -> None:
    assert read(path) is None


def test_what_the_ends_ask_for() -> None:
    posts = {CHAT, MESSAGES, EMBEDDINGS, INFER, INFER_STREAM}

    assert {end.method for end in posts} == {"POST"}
    assert (MODELS.method, MODELS.dialect) == ("GET", None)
    assert [end.stream for end in (INFER, INFER_STREAM)] == [False, True]
    assert INFER.dialect is INFER_STREAM.dialect is Dialect.NATIVE


@pytest.mark.parametrize("name", ["gpt-5", "meta-llama/Llama-3", "models/x", "v1"])
@pytest.mark.parametrize("base", BASES)
def test_one_model_is_asked_for_by_its_name(base: str, name: str) -> None:
    path = read(f"{base}models/{name}")

    assert path is not None
    assert (path.place, path.id) == BASES[base]
    assert (path.endpoint.method, path.endpoint.dialect, path.endpoint.model) == ("GET", None, name)
