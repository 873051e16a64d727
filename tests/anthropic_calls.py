"""What the tests of Anthropic's dialect share: recorded calls, and requests to and fro."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from hyperstrate.ai.providers.anthropic import Anthropic
from hyperstrate.ai.providers.base import Registration
from hyperstrate.router.stage import Exchange, Plan
from hyperstrate.router.wires.anthropic_messages import AnthropicMessages
from hyperstrate.shared.chat import ChatRequest, Conversation, Dialect, Json, Message, Text
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.store import Store
from tests.conftest import recordings

FOLDER = recordings() / "anthropic"
ABSENT = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings in {FOLDER}")
MODEL = Registration("mdl_1", "org_1", "anthropic/x", "ANTHROPIC", "claude-x", "https://a.test/v1")
HI = Message("user", [Text("Hi")])


def files(ending: str, *, but: str = "") -> list[Any]:
    """The recorded calls of /v1/messages whose names end so, as parameters."""
    paths = [
        path
        for path in sorted(FOLDER.glob(f"*{ending}"))
        if not (but and path.name.endswith(but)) and "count_tokens" not in load(path)["path"]
    ]
    return [pytest.param(path, id=path.name) for path in paths]


def load(path: Path) -> Json:
    return cast(Json, orjson.loads(path.read_bytes()))


def exchange() -> Exchange:
    """As much of an exchange as a wire looks at."""
    chat = ChatRequest(Dialect.ANTHROPIC_MESSAGES, {}, cast(Any, None))
    caller = Caller("org_1", "api_key")
    unseen: Any = None
    return Exchange("req_1", cast(Plan, unseen), caller, chat, cast(Store, unseen), Cancellation())


def read(body: Json) -> ChatRequest:
    return AnthropicMessages().read(body).chat


def same_meaning(body: Json) -> Json:
    """``body`` in one spelling: what Anthropic's documentation says to mean the same is the same.

    A string is one text block, turns of one role in sequence are one turn, a field that is null,
    or has its default, is as good as absent.
    """
    body = {key: value for key, value in body.items() if value is not None and key != "model"}
    if body.get("stream") is False:
        del body["stream"]
    if "system" in body:
        body["system"] = _blocks(body["system"])
    turns: list[Json] = []
    for turn in body["messages"]:
        content = _blocks(turn["content"])
        if turns and turns[-1]["role"] == turn["role"]:
            turns[-1]["content"] = [*turns[-1]["content"], *content]
        else:
            turns.append({**turn, "content": content})
    body["messages"] = turns
    body["tools"] = [_tool(tool) for tool in body.get("tools", [])]
    return body


def _blocks(content: Any) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [_block(block) for block in content]


def _block(block: Json) -> Json:
    if block["type"] != "tool_result":
        return block
    content = _blocks(block.get("content") or [])
    return {**block, "content": content, "is_error": bool(block.get("is_error"))}


def _tool(tool: Json) -> Json:
    if tool.get("type") != "custom" and "input_schema" not in tool:
        return tool
    return {key: value for key, value in tool.items() if key != "type" and value != ""}


def on(name: str, **fields: Any) -> Registration:
    """A registration of the model ``name``."""
    return replace(MODEL, upstream_model=name, **fields)


def fitted(
    messages: list[Message] | None = None, model: Registration = MODEL, **fields: Any
) -> tuple[Json, tuple[str, ...]]:
    """The body for a conversation of another dialect, and what was dropped."""
    conversation = Conversation(messages or [HI], **fields)
    chat = ChatRequest(Dialect.OPENAI_CHAT, {}, lambda _: conversation)
    call = Anthropic().request(chat, model)
    return orjson.loads(call.body), call.dropped
