"""What the API document says of the inference paths: bodies, answers, streams, errors and keys."""

from __future__ import annotations

from typing import Any

from hyperstrate.router import paths
from hyperstrate.shared.chat import Dialect

Doc = dict[str, Any]
SECURITY: list[Doc] = [{"bearer": []}, {"apiKey": []}]
_TEXT, _FLAG, _COUNT, _NUMBER = (
    {"type": kind} for kind in ("string", "boolean", "integer", "number")
)
_OBJECT = {"type": "object", "additionalProperties": True}
_OBJECTS = {"type": "array", "items": _OBJECT}
_STREAM = {**_FLAG, "description": "true: the answer comes as server-sent events"}
_MODEL = {
    **_TEXT,
    "description": "on /v1 the name of a router, unless the key opens one router only;"
    " elsewhere the path has named the router or model",
}
_CONTENT = {"description": "a text or a list of parts, as the dialect has them"}
_MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {"role": _TEXT, "content": _CONTENT},
}
_MESSAGES = {"type": "array", "minItems": 1, "items": _MESSAGE}
_USED = (
    "inputTokens",
    "outputTokens",
    "cachedInputTokens",
    "cacheWriteInputTokens",
    "cacheWrite1hInputTokens",
)
_CHOSEN = ("selectedModelId", "selectedTargetId", "modelDefKey", "provider")
_ENDED: Doc = {
    **dict.fromkeys(_CHOSEN, _TEXT),
    **dict.fromkeys(_USED, _COUNT),
    "costUsd": _NUMBER,
    "finishReason": _TEXT,
    "toolCalls": _OBJECTS,
}


def _shape(description: str, required: list[str], **properties: Doc) -> Doc:
    return {
        "type": "object",
        "description": description,
        "required": required,
        "properties": properties,
        "additionalProperties": True,
    }


SCHEMAS: dict[str, Doc] = {
    "OpenAIChatRequest": _shape(
        "OpenAI's chat completion; fields not named here pass to a provider of that dialect.",
        ["messages"],
        model=_MODEL,
        messages=_MESSAGES,
        stream=_STREAM,
        stream_options=_OBJECT,
    ),
    "AnthropicMessagesRequest": _shape(
        "Anthropic's message; fields not named here pass to a provider of that dialect.",
        ["messages"],
        model=_MODEL,
        messages=_MESSAGES,
        max_tokens=_COUNT,
        system={"description": "a text or a list of text blocks"},
        tools=_OBJECTS,
        stream=_STREAM,
    ),
    "OpenAIEmbeddingsRequest": _shape(
        "OpenAI's embeddings.",
        ["input"],
        model=_MODEL,
        input={"description": "a text, a list of texts, or tokens"},
    ),
    "InferRequest": _shape(
        "The gateway's own call. One of `fields.prompt`, `fields.image` and `history` is needed.",
        [],
        fields={
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "`prompt`, `systemPrompt`, `image`, and the values of {{variables}}",
        },
        history={**_OBJECTS, "description": "turns before the prompt, each with role and content"},
        options={**_OBJECT, "description": "settings of the model, such as temperature"},
        bypassCache={**_FLAG, "description": "ask anew, even if it was answered before"},
        modelId={**_TEXT, "description": "on /ai/infer: the registered model; needed there"},
    ),
    "InferResult": _shape(
        "An answer in the gateway's own words.",
        ["content", "finishReason"],
        content=_TEXT,
        **_ENDED,
        pipelineSteps=_OBJECTS,
    ),
    "InferEvent": _shape(
        "One event: a piece of text, or with `done` the end and what it used.",
        ["delta", "done"],
        delta=_TEXT,
        done=_FLAG,
        selectedModelDefKey=_TEXT,
        **_ENDED,
    ),
    "OpenAIError": _shape(
        "OpenAI's error; a provider's own of this dialect comes as it was.",
        ["error"],
        error=_shape("", ["message"], message=_TEXT, type=_TEXT, param={}, code={}),
    ),
    "AnthropicError": _shape(
        "Anthropic's error; a provider's own of this dialect comes as it was.",
        ["type", "error"],
        type={"const": "error"},
        error=_shape("", ["type", "message"], type=_TEXT, message=_TEXT),
        request_id=_TEXT,
    ),
    "ModelList": _shape(
        "What may be named as the model, in words that both SDKs read.",
        ["object", "data"],
        object={"const": "list"},
        data=_OBJECTS,
        has_more=_FLAG,
    ),
}
_BODIES = {
    Dialect.OPENAI_CHAT: "OpenAIChatRequest",
    Dialect.ANTHROPIC_MESSAGES: "AnthropicMessagesRequest",
    Dialect.OPENAI_EMBEDDINGS: "OpenAIEmbeddingsRequest",
    Dialect.NATIVE: "InferRequest",
}
_ERRORS = {Dialect.ANTHROPIC_MESSAGES: "AnthropicError", Dialect.NATIVE: "Error"}
_EVENTS = {
    Dialect.OPENAI_CHAT: "Chunks of a chat completion, then `data: [DONE]`.",
    Dialect.ANTHROPIC_MESSAGES: "Anthropic's events, from `message_start` to `message_stop`.",
    Dialect.NATIVE: "`data:` lines, each an InferEvent; the last one has `done`.",
}
_WRONG = (
    "400 the request · 401 no valid key · 403 not for this key, or blocked · 404 no such router or"
    " model · 405 · 413 too large · 415 a packed body · 422 the model cannot do it · 429 too many,"
    " with `Retry-After` · 500 · 502, 503, 504, 529 the provider; or the provider's own status"
)
_AUTH = (
    "Send an API key or session token as `Authorization: Bearer ...` or as `x-api-key: ...`, which"
    " comes first where both are sent."
)
_HEADERS: Doc = {
    name: {"schema": _TEXT, "description": about}
    for name, about in (
        ("x-hyperstrate-request-id", "the id of the log; also as x-request-id and request-id"),
        ("x-hyperstrate-router", "the router, or `direct`"),
        ("x-hyperstrate-target", "the target that answered, or `direct`"),
        ("x-hyperstrate-model", "the definition of its model"),
        ("x-hyperstrate-cache", "`miss`, or which cache answered"),
        ("x-hyperstrate-cost-usd", "what it cost; not on a stream, which has not ended yet"),
        ("x-hyperstrate-overhead-ms", "the time that the gateway took"),
        ("x-hyperstrate-dropped", "what the provider's dialect has no place for"),
    )
}


def add_components(spec: Any) -> None:
    """Put the schemas, and the two ways to send a key, into the document."""
    for name, schema in SCHEMAS.items():
        spec.components.schema(name, schema)
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    key = {"type": "apiKey", "in": "header", "name": "x-api-key"}
    spec.components.security_scheme("apiKey", key)


def operation(method: str, rule: str) -> Doc:
    """What is said of one route, by what :mod:`paths` reads in it."""
    found = paths.read(rule.replace("<id>", "id"))
    if found is not None and found.endpoint.dialect is not None:
        return _call([found.endpoint], _AUTH)
    if found is not None or (method == "GET" and rule.startswith("/proxy")):
        return {
            "description": _AUTH,
            "security": SECURITY,
            "responses": {"200": _json("The list", ["ModelList"]), **_refusals([None])},
        }
    if not rule.startswith("/proxy"):
        return {
            "description": "A 404 in the dialect that the client seems to speak. Only where `v1/`"
            " stands twice, as some SDKs put it, the call is served.",
            "responses": {"404": _json("Not served", ["OpenAIError", "AnthropicError"])},
        }
    return _proxied(takes_native=rule.startswith("/proxy/router"))


def _proxied(*, takes_native: bool) -> Doc:
    ends = {**paths.SDK_ENDPOINTS, **(paths.NATIVE_ENDPOINTS if takes_native else {})}
    served = {end: endpoint for end, endpoint in ends.items() if endpoint.dialect is not None}
    words = (
        f"`rest` is one of {', '.join(f'`{end}`' for end in served)}; each SDK's may begin `v1/`."
    )
    return _call(list(served.values()), f"{words} {_AUTH}")


def _call(endpoints: list[paths.Endpoint], description: str) -> Doc:
    dialects = list(dict.fromkeys(it.dialect for it in endpoints if it.dialect is not None))
    bodies = [_BODIES[dialect] for dialect in dialects]
    return {
        "description": description,
        "security": SECURITY,
        "requestBody": {"required": True, "content": _content(bodies)},
        "responses": {
            "200": {
                "description": "The answer, in the dialect of the path",
                "headers": _HEADERS,
                "content": _answers(endpoints),
            },
            **_refusals(list(dialects)),
        },
    }


def _answers(endpoints: list[paths.Endpoint]) -> Doc:
    """An answer as JSON, and as events where the body or the path may ask for them."""
    content: Doc = {}
    if any(not it.stream for it in endpoints):
        is_native = all(it.dialect is Dialect.NATIVE for it in endpoints)
        schema = _ref("InferResult") if is_native else _OBJECT
        content["application/json"] = {"schema": schema}
    streams = [
        _EVENTS[it.dialect]
        for it in endpoints
        if it.dialect in _EVENTS and (it.stream or it.dialect is not Dialect.NATIVE)
    ]
    if streams:
        failed = "A failure after the first words is one more event, with the error."
        words = " ".join(dict.fromkeys([*streams, failed]))
        content["text/event-stream"] = {"schema": {**_TEXT, "description": words}}
    return content


def _refusals(dialects: list[Dialect | None]) -> Doc:
    names = [_ERRORS.get(dialect, "OpenAIError") for dialect in dialects if dialect is not None]
    return {"default": _json(_WRONG, names or ["OpenAIError"])}


def _json(description: str, names: list[str]) -> Doc:
    return {"description": description, "content": _content(names)}


def _content(names: list[str]) -> Doc:
    """JSON of one of the schemas."""
    refs = [_ref(name) for name in dict.fromkeys(names)]
    schema = refs[0] if len(refs) == 1 else {"anyOf": refs}
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> Doc:
    return {"$ref": f"#/components/schemas/{name}"}
