"""Ids of tool calls as Mistral takes them: nine letters and digits, else it answers with a 400."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

from hyperstrate.shared.chat import Json

_SHORT = re.compile(r"[a-zA-Z0-9]{9}")


def with_short_ids(messages: list[Json]) -> list[Json]:
    """``messages`` where an id of another form has become one that is made of it."""
    return [_message(message) for message in messages]


def _message(message: Json) -> Json:
    calls, call_id = message.get("tool_calls"), message.get("tool_call_id")
    if isinstance(call_id, str):
        message = {**message, "tool_call_id": _short(call_id)}
    if isinstance(calls, list):
        message = {**message, "tool_calls": [_call(call) for call in calls]}
    return message


def _call(call: Any) -> Any:
    if not isinstance(call, dict) or not isinstance(call.get("id"), str):
        return call
    return {**call, "id": _short(call["id"])}


def _short(call_id: str) -> str:
    if _SHORT.fullmatch(call_id):
        return call_id
    return blake2b(call_id.encode("utf-8", "replace"), digest_size=8).hexdigest()[:9]
