"""What a request asks for besides its conversation, told from its plain JSON alone.

Both dialects are told in the same words: ``limit``, ``stop``, ``user``, ``choice``, ``parallel``,
``schema``, ``effort`` (whether it must think), ``temperature``, ``top_p``, ``top_k``, and
``tools``. Whatever only one of them has keeps its name.
"""

from __future__ import annotations

from typing import Any

from tests.e2e.recorded import Json

_CHOICES = {"any": "required"}
_NO_EFFORT = ("none", "default", None)


def asked_of_openai(body: Json) -> Json:
    """The fields of a chat completion. Those that ask for nothing are left out."""
    own = ("model", "messages", "stream", "stream_options", "tools")
    said = {name: value for name, value in body.items() if name not in own}
    limits = said.pop("max_completion_tokens", None), said.pop("max_tokens", None)
    form = said.pop("response_format", {})
    choice = said.pop("tool_choice", None)
    is_tool = isinstance(choice, dict)
    said |= {
        "limit": limits[0] or limits[1],
        "schema": form.get("json_schema", {}).get("schema") or form.get("type"),
        "effort": said.pop("reasoning_effort", None) not in _NO_EFFORT,
        "parallel": said.pop("parallel_tool_calls", None),
        "choice": choice["function"]["name"] if is_tool else _CHOICES.get(choice, choice),
        "n": None if said.get("n") == 1 else said.get("n"),
    }
    tools = body.get("tools") or []
    said |= {f"tools.{tool['type']}": tool for tool in tools if "function" not in tool}
    functions = [tool for tool in tools if "function" in tool]
    said["tools"] = [_tool(tool["function"], "parameters") for tool in functions]
    for tool in functions:
        said |= _marks({**tool, **tool["function"]}, "function", "parameters")
    return _asked(said)


def asked_of_anthropic(body: Json) -> Json:
    """The fields of the Messages API, in the same words."""
    own = ("model", "messages", "stream", "system", "tools", "thinking", "output_config")
    said = {name: value for name, value in body.items() if name not in own}
    output, choice = dict(body.get("output_config", {})), said.pop("tool_choice", {})
    is_thinking = body.get("thinking", {}).get("type") == "enabled"
    metadata = dict(said.pop("metadata", {}))
    alone = choice.get("disable_parallel_tool_use")
    said |= {
        "limit": said.pop("max_tokens", None),
        "stop": said.pop("stop_sequences", None),
        "user": metadata.pop("user_id", None),
        "schema": output.pop("format", {}).get("schema"),
        "effort": bool(output.pop("effort", None)) or is_thinking,
        "output_config": output,
        "metadata": metadata,
        "parallel": None if alone is None else not alone,
        "choice": choice.get("name") or _CHOICES.get(choice.get("type"), choice.get("type")),
    }
    tools = body.get("tools") or []
    said |= {f"tools.{tool['type']}": tool for tool in tools if "input_schema" not in tool}
    own_tools = [tool for tool in tools if "input_schema" in tool]
    said["tools"] = [_tool(tool, "input_schema") for tool in own_tools]
    for tool in own_tools:
        said |= _marks(tool, "input_schema")
    return _asked(said)


def lost(given: Json, sent: Json) -> set[str]:
    """What ``given`` asks for and ``sent`` does not. A higher limit is none lost."""
    names = {name for name, value in given.items() if sent.get(name) != value}
    return names - {"limit"} if sent.get("limit", 0) >= given.get("limit", 0) else names


def _tool(tool: Json, schema: str) -> tuple[str, str, Json]:
    """Name, description and schema; that of a tool without parameters is an empty object."""
    said = {"type": "object", "properties": {}, **tool.get(schema, {})}
    return tool["name"], tool.get("description") or "", said


def _marks(tool: Json, *known: str) -> Json:
    """What a tool says besides: its fields that are true. ``strict`` is told with its schema."""
    own = ("type", "name", "description", "cache_control", *known)
    return {f"tools.{name}": bool(value) for name, value in tool.items() if name not in own}


def _asked(said: Json) -> Json:
    opened = {name: _open(value) for name, value in said.items() if name != "tools"}
    said = {**opened, "tools": said["tools"]}
    if not said["tools"]:
        del said["choice"], said["parallel"]
    return {name: value for name, value in said.items() if value or name == "temperature"}


def _open(value: Any) -> Any:
    """A schema without the ``additionalProperties: false`` that Anthropic wants everywhere."""
    if isinstance(value, list):
        return [_open(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _open(item) for key, item in value.items()}
    if kept.get("additionalProperties") is False:
        del kept["additionalProperties"]
    return kept
