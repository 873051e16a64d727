"""A request as a body of OpenAI's dialect: as it came, or written from the common shape."""

from __future__ import annotations

from hyperstrate.ai.providers.openai_call_ids import with_short_ids
from hyperstrate.ai.providers.openai_manners import THOUGHTS, Manners
from hyperstrate.ai.providers.openai_translate import Translation
from hyperstrate.shared.chat import (
    ChatRequest,
    Conversation,
    Dialect,
    Foreign,
    Json,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.openai_messages import rest
from hyperstrate.shared.openai_messages_write import write_messages

_OWN = (Dialect.OPENAI_CHAT, Dialect.NATIVE)
_MEANS = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def chat_body(chat: ChatRequest, upstream_model: str, manners: Manners) -> tuple[Json, list[str]]:
    """The body for ``/chat/completions``, and the names of what it lost.

    ``model`` and ``stream_options.include_usage`` are the gateway's; the rest of an untouched body
    goes out as it came, but for the fields that the provider is known to refuse.
    """
    dropped: list[str] = []
    if chat.dialect is Dialect.OPENAI_CHAT and not chat.is_rewritten:
        body = {**chat.body, "model": upstream_model}
    else:
        body, dropped = _written(chat, upstream_model, manners)
    _set_stream(body, chat, manners)
    return body, dropped + _fit(body, manners)


def embeddings_body(chat: ChatRequest, upstream_model: str) -> Json:
    """The body for ``/embeddings``. Raises ProviderError of kind ``unsupported``."""
    if chat.dialect is not Dialect.OPENAI_EMBEDDINGS:
        raise ProviderError("embeddings are asked for in OpenAI's dialect", kind="unsupported")
    body = {**chat.body, "model": upstream_model}
    if chat.is_rewritten:
        texts = [message.text for message in chat.conversation.messages]
        body["input"] = texts[0] if isinstance(body["input"], str) else texts
    return body


def _set_stream(body: Json, chat: ChatRequest, manners: Manners) -> None:
    if not chat.stream:
        if body.get("stream"):
            body["stream"] = False
            body.pop("stream_options", None)
        return
    body["stream"] = True
    if manners.has_stream_options:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    else:
        body.pop("stream_options", None)


def _fit(body: Json, manners: Manners) -> list[str]:
    """Change what the provider is known to refuse, in place; name what was left out."""
    for said, named in manners.renamed.items():
        if said in body:
            body.setdefault(named, body[said])
            del body[said]
    lost = [name for name in manners.refused if name in body]
    for name in lost:
        del body[name]
    refused = manners.refused_in_messages
    if refused and not all(refused.isdisjoint(message) for message in body["messages"]):
        found = {name for message in body["messages"] for name in refused & message.keys()}
        body["messages"] = [rest(message, *refused) for message in body["messages"]]
        lost += sorted({"thinking" if name in THOUGHTS else name for name in found})
    if manners.has_short_call_ids:
        body["messages"] = with_short_ids(body["messages"])
    return lost


def _written(chat: ChatRequest, upstream_model: str, manners: Manners) -> tuple[Json, list[str]]:
    conversation, dropped = chat.conversation, []
    if chat.dialect not in _OWN:
        translation = Translation(manners, upstream_model)
        conversation = translation.conversation(conversation)
        dropped = translation.names()
    said = chat.body if chat.dialect is Dialect.OPENAI_CHAT else {}
    return write(conversation, said, upstream_model, manners), dropped


def write(conversation: Conversation, said: Json, upstream_model: str, manners: Manners) -> Json:
    """``conversation`` as a body, in the words of ``said`` where these still mean the same."""
    body = {key: value for key, value in said.items() if value is None or value == []}
    body |= {key: said[key] for key in ("stream", "stream_options") if key in said}
    body |= conversation.extra
    body["model"] = upstream_model
    body["messages"] = write_messages(conversation.messages)
    for name in ("temperature", "top_p", "top_k", "seed", "user"):
        if (value := getattr(conversation, name)) is not None:
            body[name] = value
    if conversation.max_output_tokens is not None:
        body[_limit_field(said, manners)] = conversation.max_output_tokens
    if conversation.stop:
        body["stop"] = (
            said["stop"] if [said.get("stop")] == conversation.stop else conversation.stop
        )
    if conversation.reasoning is not None and conversation.reasoning.effort:
        body["reasoning_effort"] = conversation.reasoning.effort
    if conversation.response_format is not None:
        body["response_format"] = _format(conversation.response_format, said)
    if conversation.tools:
        body["tools"] = [_tool(tool) for tool in conversation.tools]
        body |= _choice(conversation.tool_choice, said)
    return body


def _limit_field(said: Json, manners: Manners) -> str:
    for name in ("max_completion_tokens", "max_tokens"):
        if said.get(name) is not None:
            return name
    return manners.max_tokens


def _tool(tool: Tool | Foreign) -> Json:
    if isinstance(tool, Foreign):
        return tool.body
    function: Json = {"name": tool.name, **tool.extra.get("function", {})}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = tool.parameters
    if "strict" in tool.extra:
        function["strict"] = tool.extra["strict"]
    kind = {} if "type" in tool.extra else {"type": "function"}
    return {**kind, "function": function, **rest(tool.extra, "function", "type", "strict")}


def _choice(choice: ToolChoice | None, said: Json) -> Json:
    """``auto`` is the default: it is not said where only ``parallel`` was."""
    if choice is None:
        return {}
    words: Json = {} if choice.parallel is None else {"parallel_tool_calls": choice.parallel}
    spoken = said.get("tool_choice")
    if choice.mode == "tool":
        words["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    elif isinstance(spoken, str) and _MEANS.get(spoken) == choice.mode:
        words["tool_choice"] = spoken
    elif choice.mode != "auto" or not words:
        words["tool_choice"] = choice.mode
    return words


def _format(wanted: ResponseFormat, said: Json) -> Json:
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    schema: Json = {"name": wanted.name, "schema": wanted.schema}
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    if wanted.description:
        schema["description"] = wanted.description
    written = {"type": "json_schema", "json_schema": schema}
    spoken: Json = said.get("response_format") or {}
    return spoken if _without_blanks(spoken) == _without_blanks(written) else written


def _without_blanks(wanted: Json) -> Json:
    schema = wanted.get("json_schema") or {}
    return {
        **wanted,
        "json_schema": {key: it for key, it in schema.items() if it not in (None, "")},
    }
