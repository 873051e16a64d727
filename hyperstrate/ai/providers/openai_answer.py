"""Answers of OpenAI's dialect in the common shape: chat completions and embeddings."""

from __future__ import annotations

from typing import Any

from hyperstrate.ai.providers.openai_errors import error_inside, wrong_answer
from hyperstrate.shared.chat import (
    ChatResult,
    Dialect,
    FinishReason,
    Foreign,
    Json,
    Part,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.foreign_json import is_count, loads
from hyperstrate.shared.openai_messages import WORD_FIELDS, Misshaped, read_assistant, rest

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_EVERYWHERE = ("role", "content", "refusal", "tool_calls", "thinking_blocks", *WORD_FIELDS)
_BROKEN_OFF = ("error", "insufficient_system_resource")


def finish_of(word: Any, *, has_calls: bool, has_refusal: bool) -> FinishReason | None:
    """The reason for the end; a word that is not known yet counts as a plain end.

    A forced tool and some servers end with ``stop`` although tools are called; so does a refusal.
    Raises ProviderError where the word says that the provider broke off.
    """
    if not isinstance(word, str):
        return None
    if word in _BROKEN_OFF:
        raise ProviderError(f"the provider broke off: {word}", kind="overloaded", code=word)
    reason = _FINISH.get(word, "stop")
    if reason != "stop":
        return reason
    if has_refusal:
        return "refusal"
    return "tool_calls" if has_calls else "stop"


def usage_of(said: Any) -> Usage | None:
    """The tokens; None where the provider said nothing of them, estimated and zero where it said
    what cannot be.

    xAI counts its reasoning beside the output and only the total tells.
    """
    if not isinstance(said, dict):
        return None
    if not all(map(is_count, (said.get("prompt_tokens"), said.get("completion_tokens")))):
        return Usage(is_estimated=True)
    inputs = _details(said, "prompt_tokens_details")
    reasoning = _count(_details(said, "completion_tokens_details"), "reasoning_tokens")
    asked, output = _count(said, "prompt_tokens"), _count(said, "completion_tokens")
    if reasoning and _count(said, "total_tokens") == asked + output + reasoning:
        output += reasoning
    cached = (
        _count(inputs, "cached_tokens")
        or _count(said, "prompt_cache_hit_tokens")
        or _count(said, "num_cached_tokens")
    )
    return Usage(
        input_tokens=asked,
        output_tokens=output,
        cached_input_tokens=cached,
        cache_write_input_tokens=_count(inputs, "cache_write_tokens"),
        reasoning_tokens=reasoning,
    )


def _details(said: Json, name: str) -> Json:
    details = said.get(name)
    return details if isinstance(details, dict) else {}


def _count(said: Json, name: str) -> int:
    number = said.get(name)
    return number if number and is_count(number) else 0


def word_of(fields: Json, name: str) -> str:
    """The text in a field; empty for anything else."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def read_embeddings(raw: bytes) -> ChatResult:
    """The answer of ``/embeddings``. Raises ProviderError."""
    body = _body(raw)
    if not isinstance(body.get("data"), list):
        raise wrong_answer("has no data", raw)
    usage = usage_of(body.get("usage"))
    return ChatResult(
        Dialect.OPENAI_EMBEDDINGS,
        usage=usage or Usage(),
        has_usage=usage is not None,
        model=word_of(body, "model"),
        raw=raw,
        body=body,
    )


def read_chat(raw: bytes) -> ChatResult:
    """The answer of ``/chat/completions``. Raises ProviderError."""
    body = _body(raw)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not all(map(_is_choice, choices)):
        raise wrong_answer("has no choices", raw)
    choices = sorted(choices, key=lambda choice: _count(choice, "index"))
    for choice in choices:
        if choice.get("error"):
            raise error_inside(choice["error"])
    try:
        answers = [_parts(choice["message"], n) for n, choice in enumerate(choices)]
    except Misshaped as wrong:
        raise wrong_answer(str(wrong), raw) from None
    first, usage = choices[0], usage_of(body.get("usage"))
    word = first.get("finish_reason")
    return ChatResult(
        Dialect.OPENAI_CHAT,
        parts=answers[0],
        others=answers[1:],
        finish_reason=finish_of(
            word,
            has_calls=bool(first["message"].get("tool_calls")),
            has_refusal=bool(first["message"].get("refusal")),
        ),
        finish_detail=word if isinstance(word, str) else "",
        stop_sequence=word_of(first, "stop_reason"),
        usage=usage or Usage(),
        has_usage=usage is not None,
        id=word_of(body, "id"),
        model=word_of(body, "model"),
        raw=raw,
        body=body,
    )


def only_ours(result: ChatResult) -> list[str]:
    """What an answer says that Anthropic's dialect has no words for."""
    message = result.body["choices"][0]["message"]
    names = [name for name, value in message.items() if value and name not in _EVERYWHERE]
    names += [str(it.body.get("type", "content")) for it in result.parts if isinstance(it, Foreign)]
    return [*names, "choices"] if result.others else names


def _body(raw: bytes) -> Json:
    try:
        body = loads(raw)
    except ValueError:
        raise wrong_answer("is not JSON", raw) from None
    if not isinstance(body, dict):
        raise wrong_answer("is not a JSON object", raw)
    if body.get("error"):
        raise error_inside(body["error"])
    return body


def _is_choice(choice: Any) -> bool:
    return isinstance(choice, dict) and isinstance(choice.get("message"), dict)


def _parts(message: Json, number: int) -> list[Part]:
    """The parts without the marks of how they were written: an answer is not sent back."""
    parts = read_assistant({"role": "assistant", **message}, f"choices[{number}].message").parts
    parts = [part for part in parts if not isinstance(part, Text) or part.text]
    for part in parts:
        if isinstance(part, ToolCall):
            part.extra = rest(part.extra, "index")
        elif isinstance(part, Text | Thinking):
            part.extra = {}
    return parts
