"""The paths on which applications call models, and what each of them means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from hyperstrate.shared.chat import Dialect

Place = Literal["router", "model", "short"]
MAX_ID_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a path's end asks for. ``dialect`` None: the list of models, or its entry ``model``."""

    dialect: Dialect | None
    stream: bool = False
    method: str = "POST"
    model: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """An inference path. ``id`` is the router's or the model's; ``short``: neither is named."""

    place: Place
    id: str
    endpoint: Endpoint


CHAT = Endpoint(Dialect.OPENAI_CHAT)
MESSAGES = Endpoint(Dialect.ANTHROPIC_MESSAGES)
EMBEDDINGS = Endpoint(Dialect.OPENAI_EMBEDDINGS)
MODELS = Endpoint(None, method="GET")
INFER = Endpoint(Dialect.NATIVE)
INFER_STREAM = Endpoint(Dialect.NATIVE, stream=True)

SDK_ENDPOINTS = {
    "chat/completions": CHAT,
    "messages": MESSAGES,
    "embeddings": EMBEDDINGS,
    "models": MODELS,
}
NATIVE_ENDPOINTS = {"infer": INFER, "infer/stream": INFER_STREAM}


@lru_cache(maxsize=1024)
def read(path: str) -> Path | None:
    """What ``path`` asks for; None when it is no inference path.

    [/proxy]/router/ID/{infer,infer/stream,[v1/]...}, /proxy/ai/ID/[v1/]...,
    /ai/{infer,infer/stream}, /v1/...
    """
    head, _, rest = path[1:].partition("/")
    if head == "v1":
        return _path("short", "", _sdk_endpoint(rest))
    if head == "ai":
        return _path("short", "", NATIVE_ENDPOINTS.get(rest))
    if head == "router":
        return _of_router(rest)
    if head == "proxy":
        return _proxied(rest)
    return None


def _of_router(rest: str) -> Path | None:
    router_id, _, tail = rest.partition("/")
    return _path("router", router_id, NATIVE_ENDPOINTS.get(tail) or _sdk_endpoint(tail))


def _proxied(rest: str) -> Path | None:
    kind, _, rest = rest.partition("/")
    if kind == "router":
        return _of_router(rest)
    if kind == "ai":
        model_id, _, tail = rest.partition("/")
        return _path("model", model_id, _sdk_endpoint(tail))
    return None


def _sdk_endpoint(tail: str) -> Endpoint | None:
    """With and without v1/, and with two: the Anthropic SDK puts its own behind a base URL."""
    end = tail.removeprefix("v1/").removeprefix("v1/")
    model = end.removeprefix("models/")
    if model and model != end:
        return replace(MODELS, model=model)
    return SDK_ENDPOINTS.get(end)


def _path(place: Place, found_id: str, endpoint: Endpoint | None) -> Path | None:
    is_named = bool(found_id) or place == "short"
    return Path(place, found_id, endpoint) if endpoint and is_named else None
