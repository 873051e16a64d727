"""A conversation as the body of Anthropic's Messages API, word by word."""

from __future__ import annotations

from itertools import groupby

import orjson

from hyperstrate.ai.providers.base import Registration
from hyperstrate.shared.anthropic_blocks import content_of
from hyperstrate.shared.chat import (
    Conversation,
    Foreign,
    Json,
    Message,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolChoice,
)

DEFAULT_MAX_TOKENS = 4096
AS_JSON = "Answer with one JSON object and nothing else."
_CHOICES = {"auto": "auto", "none": "none", "required": "any", "tool": "tool"}


def render(conversation: Conversation, model: Registration) -> Json:
    """The body without ``stream``. Leading system messages become ``system``; later ones stay.

    Turns of one role that follow each other become one, as Anthropic itself would join them.
    """
    body: Json = {"model": model.upstream_model, "max_tokens": max_tokens(conversation, model)}
    if system := _system(conversation):
        body["system"] = content_of(system)
    body["messages"] = _turns(_without_leading_system(conversation.messages))
    body.update(conversation.extra)
    if conversation.tools:
        body["tools"] = [_tool(tool) for tool in conversation.tools]
    if conversation.tool_choice is not None:
        body["tool_choice"] = _tool_choice(conversation.tool_choice)
    _add_sampling(body, conversation)
    _add_output(body, conversation)
    if conversation.user is not None:
        body["metadata"] = {**body.get("metadata", {}), "user_id": conversation.user}
    return body


def max_tokens(conversation: Conversation, model: Registration) -> int:
    """Anthropic wants a number: the client's, else the model's own limit."""
    return conversation.max_output_tokens or model.max_output_tokens or DEFAULT_MAX_TOKENS


def _system(conversation: Conversation) -> list[Part]:
    messages = conversation.messages
    leading = messages[: len(messages) - len(_without_leading_system(messages))]
    parts = [part for message in leading for part in message.parts]
    form = conversation.response_format
    if form is not None and form.kind == "json_object":
        parts.append(Text(_as_json(form.schema)))
    return parts


def _as_json(schema: Json) -> str:
    """Anthropic has no mode for JSON without a schema: it is asked for in words."""
    return f"{AS_JSON} Its JSON Schema: {orjson.dumps(schema).decode()}" if schema else AS_JSON


def _without_leading_system(messages: list[Message]) -> list[Message]:
    first = next((n for n, it in enumerate(messages) if it.role != "system"), len(messages))
    return messages[first:]


def _turns(messages: list[Message]) -> list[Json]:
    turns = []
    for role, group in groupby(messages, lambda it: "user" if it.role == "tool" else it.role):
        parts: list[Part] = []
        turn: Json = {"role": role, "content": ""}
        for message in group:
            parts.extend(message.parts)
            turn.update(message.extra)
        turn["content"] = content_of(parts)
        turns.append(turn)
    return turns


def _tool(tool: Tool | Foreign) -> Json:
    if isinstance(tool, Foreign):
        return tool.body
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "input_schema": tool.parameters, **tool.extra}


def _tool_choice(choice: ToolChoice) -> Json:
    words: Json = {"type": _CHOICES[choice.mode]}
    if choice.mode == "tool":
        words["name"] = choice.name
    if choice.parallel is not None and choice.mode != "none":
        words["disable_parallel_tool_use"] = not choice.parallel
    return words


def _add_sampling(body: Json, conversation: Conversation) -> None:
    for name in ("temperature", "top_p", "top_k"):
        if (value := getattr(conversation, name)) is not None:
            body[name] = value
    if conversation.stop:
        body["stop_sequences"] = conversation.stop


def _add_output(body: Json, conversation: Conversation) -> None:
    reasoning, form = conversation.reasoning or Reasoning(), conversation.response_format
    if reasoning.budget_tokens is not None:
        budget = {"type": "enabled", "budget_tokens": reasoning.budget_tokens}
        body["thinking"] = {**body.get("thinking", {}), **budget}
    output: Json = dict(body.get("output_config", {}))
    if reasoning.effort:
        output["effort"] = reasoning.effort
    if form is not None and form.kind == "json_schema":
        output["format"] = {"type": "json_schema", "schema": form.schema}
    if output:
        body["output_config"] = output
