"""A body of Anthropic's Messages API as a conversation; nothing in it is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperstrate.shared.anthropic_blocks import parts_of, rest
from hyperstrate.shared.chat import (
    Conversation,
    Dialect,
    Foreign,
    Json,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Role,
    Tool,
    ToolChoice,
    ToolResult,
)
from hyperstrate.shared.errors import BadRequest

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_MODES = {"auto": "auto", "any": "required", "tool": "tool", "none": "none"}
_ELSEWHERE = ("model", "stream", "system", "messages", "tools")


def conversation_of(body: Json) -> Conversation:
    """The common shape of ``body``; fields that it has no words for stay in ``extra``.

    The system prompt is the first message. Each tool result is a message of its own, at its place.
    Raises BadRequest.
    """
    messages = [*_system(body.get("system")), *_messages(body["messages"])]
    conversation = Conversation(messages, tools=_tools(body.get("tools")))
    for name, value in body.items():
        if name in _ELSEWHERE or value is None:
            continue
        take = _FIELDS.get(name)
        if take is None or not take(conversation, value):
            conversation.extra[name] = value
    return conversation


def _system(content: Any) -> list[Message]:
    return [Message("system", _parts("system", content))] if content else []


def _messages(turns: list[Json]) -> list[Message]:
    messages: list[Message] = []
    for place, turn in enumerate(turns):
        role = _ROLES.get(turn["role"])
        if role is None:
            raise _wrong(f"messages.{place}.role", "must be user, assistant or system")
        parts = _parts(f"messages.{place}.content", turn.get("content"))
        messages.extend(_split(role, parts, rest(turn, "role", "content")))
    return messages


def _split(role: Role, parts: list[Part], extra: Json) -> list[Message]:
    """A turn's parts in their order, each tool result of the user in a ``tool`` message."""
    if role != "user" or not any(isinstance(part, ToolResult) for part in parts):
        return [Message(role, parts, extra)]
    messages: list[Message] = []
    for part in parts:
        if isinstance(part, ToolResult):
            messages.append(Message("tool", [part]))
        elif messages and messages[-1].role == "user":
            messages[-1].parts.append(part)
        else:
            messages.append(Message("user", [part]))
    messages[0].extra = extra
    return messages


def _parts(field: str, content: Any) -> list[Part]:
    try:
        return parts_of(content)
    except ValueError as error:
        raise _wrong(field, str(error)) from None


def _wrong(field: str, message: str) -> BadRequest:
    return BadRequest(f"{field}: {message}", fields={field: [message]})


def _tools(tools: Any) -> list[Tool | Foreign]:
    if tools is None:
        return []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise _wrong("tools", "must be a list of objects")
    return [_tool(tool) for tool in tools]


def _tool(tool: Json) -> Tool | Foreign:
    """A tool of the client; those that Anthropic runs itself are its own."""
    name, schema = tool.get("name"), tool.get("input_schema")
    description = tool.get("description") or ""
    if tool.get("type") not in (None, "custom") or not isinstance(schema, dict):
        return Foreign(Dialect.ANTHROPIC_MESSAGES, tool)
    if not isinstance(name, str) or not isinstance(description, str):
        return Foreign(Dialect.ANTHROPIC_MESSAGES, tool)
    return Tool(name, description, schema, rest(tool, "name", "description", "input_schema"))


def _tool_choice(conversation: Conversation, value: Any) -> bool:
    if not isinstance(value, dict) or value.get("type") not in _MODES:
        return False
    name, alone = value.get("name", ""), value.get("disable_parallel_tool_use")
    if rest(value, "name", "disable_parallel_tool_use") or not isinstance(name, str):
        return False
    parallel = None if alone is None else not alone
    mode: Any = _MODES[value["type"]]
    conversation.tool_choice = ToolChoice(mode, name, parallel)
    return True


def _thinking(conversation: Conversation, value: Any) -> bool:
    """A budget goes into the common shape; who chose otherwise keeps the words."""
    if not isinstance(value, dict) or value.get("type") not in ("enabled", "adaptive"):
        return False
    reasoning = conversation.reasoning = conversation.reasoning or Reasoning()
    budget = value.get("budget_tokens")
    if value["type"] == "adaptive" or not isinstance(budget, int):
        return False
    reasoning.budget_tokens = budget
    if more := rest(value, "budget_tokens"):
        conversation.extra["thinking"] = more
    return True


def _output_config(conversation: Conversation, value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    more = dict(value)
    if isinstance(value.get("effort"), str):
        conversation.reasoning = conversation.reasoning or Reasoning()
        conversation.reasoning.effort = more.pop("effort")
    if _output_format(conversation, value.get("format")):
        del more["format"]
    if more:
        conversation.extra["output_config"] = more
    return True


def _output_format(conversation: Conversation, value: Any) -> bool:
    """The schema of the answer, in today's ``output_config`` or the earlier ``output_format``."""
    if not isinstance(value, dict) or value.get("type") != "json_schema":
        return False
    schema = value.get("schema")
    if not isinstance(schema, dict) or rest(value, "schema") or conversation.response_format:
        return False
    conversation.response_format = ResponseFormat("json_schema", schema)
    return True


def _metadata(conversation: Conversation, value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("user_id"), str):
        return False
    conversation.user = value["user_id"]
    if len(value) > 1:
        conversation.extra["metadata"] = {k: v for k, v in value.items() if k != "user_id"}
    return True


def _stop(conversation: Conversation, value: Any) -> bool:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return False
    conversation.stop = value
    return True


def _number(attribute: str, *kinds: type) -> Callable[[Conversation, Any], bool]:
    def take(conversation: Conversation, value: Any) -> bool:
        if type(value) not in kinds:
            return False
        setattr(conversation, attribute, value)
        return True

    return take


_FIELDS: dict[str, Callable[[Conversation, Any], bool]] = {
    "max_tokens": _number("max_output_tokens", int),
    "temperature": _number("temperature", int, float),
    "top_p": _number("top_p", int, float),
    "top_k": _number("top_k", int),
    "stop_sequences": _stop,
    "tool_choice": _tool_choice,
    "thinking": _thinking,
    "output_config": _output_config,
    "output_format": _output_format,
    "metadata": _metadata,
}
