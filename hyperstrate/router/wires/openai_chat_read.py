"""A request of OpenAI's chat completions, read into the common shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hyperstrate.shared.chat import (
    Conversation,
    Dialect,
    Foreign,
    Json,
    Reasoning,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.openai_messages import Misshaped, read_message, rest

SESSION_KEYS = (
    "agent_session_id", "session_id", "conversation_id", "agent", "agent_role",
    "parent_session_id", "parent_agent_session_id", "parent_agent", "agent_user_id", "user_id",
    "subject_user_id", "parent_agent_user_id", "parent_user_id", "parent_subject_user_id",
    "turn_index",
)  # fmt: skip
_GATEWAYS_OWN = ("model", "messages", "stream", "stream_options")
_SCHEMA_KEYS = {"name", "schema", "strict", "description"}
_MODES: dict[str, ToolChoice] = {
    "auto": ToolChoice("auto"),
    "none": ToolChoice("none"),
    "required": ToolChoice("required"),
    "any": ToolChoice("required"),
}


def refuse(place: str, complaint: str) -> BadRequest:
    """The refusal of what stands at ``place``."""
    return BadRequest(f"{place}: {complaint}", fields={place: [complaint]})


def check(body: Json) -> None:
    """The shape that everything relies on. Raises BadRequest with the field."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise refuse("messages", "must be a non-empty list")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise refuse(f"messages[{index}]", "must be an object with a role")
    check_common(body)


def check_common(body: Json) -> None:
    """The fields that chat and embeddings share. Raises BadRequest with the field."""
    if not isinstance(body.get("model", ""), str):
        raise refuse("model", "must be a string")
    if not isinstance(body.get("stream", False), bool | None):
        raise refuse("stream", "must be true or false")
    if not isinstance(body.get("stream_options", {}), dict | None):
        raise refuse("stream_options", "must be an object")


def session_of(fields: Any) -> Mapping[str, Any]:
    """What ``fields`` say of the agent's session."""
    if not isinstance(fields, dict):
        return {}
    return {key: fields[key] for key in SESSION_KEYS if isinstance(fields.get(key), str | int)}


def parse(body: Json) -> Conversation:
    """The whole request in the common shape. Raises BadRequest naming the place."""
    try:
        conversation = Conversation(
            [
                read_message(message, f"messages[{index}]")
                for index, message in enumerate(body["messages"])
            ]
        )
        read_settings(conversation, rest(body, *_GATEWAYS_OWN))
    except Misshaped as wrong:
        raise refuse(wrong.place, wrong.complaint) from None
    return conversation


def read_settings(conversation: Conversation, fields: Json) -> None:
    """Fill everything but the messages from ``fields``; what is left of them is the extra."""
    conversation.tools = _read_tools(fields)
    conversation.tool_choice = _read_choice(fields)
    conversation.response_format = _read_format(fields)
    conversation.max_output_tokens = _take(fields, "max_completion_tokens", int)
    if conversation.max_output_tokens is None:
        conversation.max_output_tokens = _take(fields, "max_tokens", int)
    conversation.temperature = _take(fields, "temperature", float)
    conversation.top_p = _take(fields, "top_p", float)
    conversation.top_k = _take(fields, "top_k", int)
    conversation.seed = _take(fields, "seed", int)
    conversation.user = _take(fields, "user", str)
    effort = _take(fields, "reasoning_effort", str)
    conversation.reasoning = None if effort is None else Reasoning(effort)
    conversation.stop = _read_stop(fields)
    conversation.extra = {key: value for key, value in fields.items() if value is not None}


_KINDS = {int: "a whole number", float: "a number", str: "a string"}


def _take(fields: Json, name: str, kind: type) -> Any:
    value = fields.pop(name, None)
    wanted = (int, float) if kind is float else kind
    if value is None or (isinstance(value, wanted) and not isinstance(value, bool)):
        return value
    raise Misshaped(name, f"must be {_KINDS[kind]}")


def _read_stop(fields: Json) -> list[str]:
    said = fields.pop("stop", None)
    stop = [said] if isinstance(said, str) else said or []
    if not isinstance(stop, list) or not all(isinstance(word, str) for word in stop):
        raise Misshaped("stop", "must be a string or a list of strings")
    return stop


def _read_tools(fields: Json) -> list[Tool | Foreign]:
    tools = fields.pop("tools", None)
    if tools is None:
        return []
    if not isinstance(tools, list):
        raise Misshaped("tools", "must be a list")
    return [_read_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)]


def _read_tool(tool: Any, place: str) -> Tool | Foreign:
    """``extra["type"]`` is None where the client left it out, as Mistral's may."""
    if not isinstance(tool, dict):
        raise Misshaped(place, "must be an object")
    if tool.get("type", "function") != "function":
        return Foreign(Dialect.OPENAI_CHAT, tool)
    function = tool.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Misshaped(f"{place}.function.name", "must be a string")
    extra = rest(tool, "function", "type")
    if "type" not in tool:
        extra["type"] = None
    if "strict" in function:
        extra["strict"] = function["strict"]
    others = rest(function, "strict")
    name = others.pop("name")
    description = others.pop("description") if _is_said(others, "description", str) else ""
    parameters = others.pop("parameters") if _is_said(others, "parameters", dict) else {}
    if others:
        extra["function"] = others
    return Tool(name, description, parameters, extra)


def _is_said(fields: Json, name: str, kind: type) -> bool:
    return isinstance(fields.get(name), kind) and bool(fields[name])


def _read_choice(fields: Json) -> ToolChoice | None:
    """Choices that the shape has no words for stay with the extra."""
    said = fields.get("tool_choice")
    choice: ToolChoice | None = None
    if isinstance(said, str) and said in _MODES:
        choice = ToolChoice(_MODES[said].mode)
    elif isinstance(said, dict) and said.get("type", "function") == "function":
        function = said.get("function")
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise Misshaped("tool_choice.function.name", "must be a string")
        choice = ToolChoice("tool", function["name"])
    elif said is not None:
        return None
    fields.pop("tool_choice", None)
    parallel = fields.pop("parallel_tool_calls", None)
    if not isinstance(parallel, bool | None):
        raise Misshaped("parallel_tool_calls", "must be true or false")
    if parallel is not None:
        choice = choice or ToolChoice()
        choice.parallel = parallel
    return choice


def _read_format(fields: Json) -> ResponseFormat | None:
    """Formats that the shape has no words for stay with the extra."""
    said = fields.get("response_format")
    if not isinstance(said, dict):
        return None
    kind, schema = said.get("type"), said.get("json_schema")
    if kind in ("text", "json_object") and len(said) == 1:
        del fields["response_format"]
        return ResponseFormat(kind)
    if kind != "json_schema" or len(said) != 2 or not isinstance(schema, dict):
        return None
    if not schema.keys() <= _SCHEMA_KEYS or not isinstance(schema.get("name"), str):
        return None
    if not isinstance(schema.get("schema"), dict):
        return None
    del fields["response_format"]
    return ResponseFormat(
        kind,
        schema["schema"],
        schema["name"],
        schema.get("strict"),
        schema.get("description") or "",
    )
