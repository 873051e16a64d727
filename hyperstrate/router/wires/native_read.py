"""A request of the gateway's own API (fields, options, history), read into the common shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from hyperstrate.router.wires.openai_chat_read import SESSION_KEYS, read_settings, refuse
from hyperstrate.shared.chat import Conversation, Image, Json, Message, Part, Text
from hyperstrate.shared.openai_messages import Misshaped, read_message
from hyperstrate.shared.template import interpolate

SYSTEM_FIELDS = ("prompt", "systemPrompt", "_history", "image")
# What the gateway itself reads of the options; a provider would refuse it.
_NOT_FOR_PROVIDERS = (
    *SESSION_KEYS, "repo", "branch", "role", "mcp_approved", "rollout_variant",
    "stream", "stream_options", "model", "messages",
)  # fmt: skip


def check(body: Json) -> None:
    """The shape that everything relies on. Raises BadRequest with the field."""
    fields = body.get("fields", {})
    if not isinstance(fields, dict):
        raise refuse("fields", "must be an object of texts")
    for name, value in fields.items():
        if not isinstance(value, str):
            raise refuse(f"fields.{name}", "must be a string")
    for name, kind, words in (
        ("options", dict, "an object"),
        ("history", list, "a list of turns"),
        ("bypassCache", bool, "true or false"),
        ("modelId", str, "a string"),
    ):
        if not isinstance(body.get(name), kind | None):
            raise refuse(name, f"must be {words}")
    asked = [fields.get(name) for name in ("prompt", "image", "_history")]
    if not any(asked) and not body.get("history"):
        raise refuse("fields.prompt", "must not be empty")


def variables_of(body: Json) -> Mapping[str, str]:
    """The values for {{placeholders}}: every field."""
    fields: dict[str, str] = body.get("fields") or {}
    return fields


def parse(body: Json) -> Conversation:
    """Raises BadRequest naming the place. Placeholders in the prompts are filled."""
    fields = variables_of(body)
    values = {name: fields[name] for name in fields if name not in SYSTEM_FIELDS}
    try:
        conversation = Conversation([*_system(fields, values), *_history(body, fields)])
        if question := _question(fields, values):
            conversation.messages.append(Message("user", question))
        options = body.get("options") or {}
        read_settings(
            conversation,
            {
                key: value
                for key, value in options.items()
                if key not in _NOT_FOR_PROVIDERS and not key.startswith("_")
            },
        )
    except Misshaped as wrong:
        raise refuse(wrong.place, wrong.complaint) from None
    return conversation


def _system(fields: Mapping[str, str], values: Mapping[str, str]) -> list[Message]:
    words = interpolate(fields.get("systemPrompt", ""), values)
    return [Message("system", [Text(words)])] if words else []


def _question(fields: Mapping[str, str], values: Mapping[str, str]) -> list[Part]:
    pictures: list[Part] = [Image(url=url) for url in _pictures(fields.get("image", ""))]
    words = interpolate(fields.get("prompt", ""), values)
    return [*pictures, Text(words)] if words else pictures


def _pictures(said: str) -> list[str]:
    """One URL, or a JSON array of them."""
    said = said.strip()
    if not said.startswith("["):
        return [said] if said else []
    urls = _loaded(said, "fields.image")
    if not all(isinstance(url, str) for url in urls):
        raise Misshaped("fields.image", "must be a URL or a JSON array of URLs")
    return [str(url) for url in urls]


def _history(body: Json, fields: Mapping[str, str]) -> list[Message]:
    turns = list(body.get("history") or ())
    place = "history"
    if not turns and fields.get("_history", "").strip():
        place = "fields._history"
        turns = _loaded(fields["_history"], place)
    return [_turn(turn, f"{place}[{index}]") for index, turn in enumerate(turns)]


def _loaded(text: str, place: str) -> list[Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Misshaped(place, "must be a JSON array") from None
    if not isinstance(value, list):
        raise Misshaped(place, "must be a JSON array")
    return value


def _turn(turn: Any, place: str) -> Message:
    """A turn; its keys may be capitalised, as earlier versions wrote them."""
    if not isinstance(turn, dict):
        raise Misshaped(place, "must be an object with a role")
    said = {key.lower(): value for key, value in turn.items()}
    message = {key: value for key, value in said.items() if value not in ("", None, [])}
    message["content"] = said.get("content", "")
    if isinstance(message.get("role"), str):
        message["role"] = message["role"].lower()
    return read_message(message, place)
