"""What the tests of OpenAI's dialect share: its recordings, and a client's reading of a stream."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from hyperstrate.ai.providers import PROVIDERS
from hyperstrate.ai.providers.base import Provider, Registration
from hyperstrate.router.stage import Exchange, Plan
from hyperstrate.router.wires.openai_chat import OpenAIChat
from hyperstrate.shared.chat import ChatRequest, Json
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.sse import data_of
from hyperstrate.shared.store import Store
from tests.conftest import recordings

FOLDERS = ("openai", "groq", "mistral", "openrouter", "deepseek", "cerebras")
ABSENT = pytest.mark.skipif(
    not recordings().is_dir(),
    reason=f"no recordings in {recordings()}: set HYPERSTRATE_RECORDINGS to their folder",
)


def load(path: Path) -> Json:
    return cast(Json, orjson.loads(path.read_bytes()))


def files(ending: str, *, status: int = 200) -> list[Any]:
    """The recorded chat completions whose names end so, as parameters."""
    found = []
    for folder in FOLDERS:
        for path in sorted((recordings() / folder).glob("*.json")):
            is_stream = path.name.endswith(".sse.json")
            call = load(path)
            if is_stream is not (ending == ".sse.json") or call["response"]["status"] != status:
                continue
            if call["path"].endswith("/chat/completions"):
                found.append(pytest.param(path, id=f"{folder}/{path.name}"))
    return found


def provider_of(path: Path) -> Provider:
    return PROVIDERS[path.parent.name.upper()]


def registration(name: str = "OPENAI", model: str = "gpt-x", **values: Any) -> Registration:
    given = {"base_url": "https://api.test/v1", "api_key": "sk-test", **values}
    return Registration("mdl_1", "org_1", f"{name.lower()}/x", name, model, **given)


def read(body: Json) -> ChatRequest:
    return OpenAIChat().read(body).chat


def exchange(chat: ChatRequest) -> Exchange:
    """As much of an exchange as a wire looks at."""
    caller, unseen = Caller("org_1", "api_key"), cast(Any, None)
    return Exchange("req_1", cast(Plan, unseen), caller, chat, cast(Store, unseen), Cancellation())


def events_of(stream: bytes) -> list[bytes]:
    """The events of a stream, each with its blank line."""
    return [event + b"\n\n" for event in stream.split(b"\n\n") if event.strip()]


def payloads_of(stream: bytes) -> list[Json]:
    datas = [data_of(event) for event in events_of(stream)]
    return [orjson.loads(data) for data in datas if data not in (None, b"[DONE]")]


def same_meaning(body: Json) -> Json:
    """``body`` in one spelling: a null is as good as absent, and so is the model's own name."""
    body = {key: value for key, value in body.items() if value is not None}
    body["messages"] = [
        {key: value for key, value in message.items() if value is not None}
        for message in body["messages"]
    ]
    for name in ("model", "stream_options"):
        body.pop(name, None)
    return body


def message_of(payloads: Iterable[Json]) -> Json:
    """What a client puts together from the first choice of a stream."""
    message: Json = {"tool_calls": {}, "finish_reason": None, "usage": None, "ids": set()}
    for payload in payloads:
        message["ids"].add(payload["id"])
        message["usage"] = payload.get("usage") or message["usage"]
        for choice in payload["choices"]:
            message["finish_reason"] = choice.get("finish_reason") or message["finish_reason"]
            _grow(message, choice["delta"])
    return message


def _grow(message: Json, delta: Json) -> None:
    for name in ("role", "content", "refusal", "reasoning", "reasoning_content"):
        if delta.get(name):
            grown = delta[name] if name == "role" else message.get(name, "") + delta[name]
            message[name] = grown
    for block in delta.get("thinking_blocks", ()):
        message.setdefault("thinking_blocks", []).append(block)
    for piece in delta.get("tool_calls") or ():
        call = message["tool_calls"].setdefault(piece["index"], {"id": "", "arguments": ""})
        call["id"] = piece.get("id") or call["id"]
        call["name"] = piece["function"].get("name") or call.get("name")
        call["arguments"] += piece["function"].get("arguments") or ""
