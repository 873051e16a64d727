"""Refuse requests and answers in which an admin's patterns are found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import orjson

from hyperstrate.router.stage import Exchange, Stage
from hyperstrate.router.watch import HOLD, Watch
from hyperstrate.shared.chat import (
    ChatResult,
    Chunk,
    Conversation,
    Document,
    Foreign,
    Part,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    text_of,
)
from hyperstrate.shared.errors import Blocked
from hyperstrate.shared.settings import setting


def _check_patterns(patterns: list[str]) -> str | None:
    if not patterns:
        return "must have at least 1 item"
    for number, pattern in enumerate(patterns, 1):
        try:
            compiled = re.compile(pattern, re.IGNORECASE)
        except (re.error, OverflowError, RecursionError) as error:
            return f"item {number} is not a regular expression: {error}"
        if compiled.search(""):
            return f"item {number} matches the empty text: it would block everything"
    return None


@dataclass(frozen=True)
class Config:
    blocked_patterns: list[str] = setting(
        ...,
        max_items=100,
        max_length=500,
        check=_check_patterns,
        help="Regular expressions, one a line; capital letters do not matter. Keep them simple: "
        "one that repeats a repetition, such as (a+)+, can take minutes on a long text",
    )
    apply_to: Literal["request", "response", "both"] = setting(
        "both",
        help="Where to look. Answers that stream come about "
        f"{HOLD} characters later when they are looked at",
    )


class ContentFilter(Stage[Config]):
    """Looks at every word of a request, not only the newest prompt, and of the answer.

    A match in a stream is found before its text has left, up to ``HOLD`` characters long.
    """

    name = "content_filter"
    Config = Config
    is_guardrail = True

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return [re.compile(text, re.IGNORECASE) for text in self.config.blocked_patterns]

    def before(self, exchange: Exchange) -> ChatResult | None:
        """Raises Blocked."""
        if self.config.apply_to != "response":
            self._judge(exchange, "request", _request_texts(exchange.chat.conversation))
        return None

    def during(self, exchange: Exchange, chunk: Chunk) -> Chunk | None:
        """Raises Blocked."""
        if self.config.apply_to == "request":
            return chunk
        watch: Watch | None = exchange.memory.get(self)
        if watch is None:
            watch = Watch(self._patterns, lambda number: _refuse(exchange, "response", number))
            exchange.memory[self] = watch
        return watch.read(chunk)

    def after(self, exchange: Exchange, result: ChatResult) -> None:
        """Raises Blocked."""
        if self.config.apply_to == "request":
            return
        choices = [result.parts, *result.others]
        self._judge(exchange, "response", (text for parts in choices for text in _texts(parts)))

    def _judge(self, exchange: Exchange, what: str, texts: Iterable[str]) -> None:
        began = exchange.elapsed_ms()
        for text in texts:
            for number, pattern in enumerate(self._patterns, 1):
                if pattern.search(text):
                    _refuse(exchange, what, number)
        exchange.step(
            "interceptor", "Content Filter", "passed", phase=5, detail=what, since_ms=began
        )


def _refuse(exchange: Exchange, what: str, number: int) -> None:
    """The trace tells which pattern it was; the caller is not told how to get around it."""
    detail = f"{what}: pattern {number}"
    exchange.step("interceptor", "Content Filter", "blocked", phase=5, detail=detail)
    raise Blocked(f"{what} blocked by interceptor policy")


def _request_texts(conversation: Conversation) -> Iterator[str]:
    for message in conversation.messages:
        yield from _texts(message.parts)
        yield from _strings(message.extra.get("name"))
    for tool in conversation.tools:
        yield from (
            [tool.name, tool.description, *_strings(tool.parameters)]
            if isinstance(tool, Tool)
            else _strings(tool.body)
        )
    wanted = conversation.response_format
    if wanted is not None:
        yield from [wanted.description, *_strings(wanted.schema)]
    yield from _strings(list(conversation.extra.values()))


def _texts(parts: list[Part]) -> Iterator[str]:
    """The words of one turn in one piece, then what stands in its other parts."""
    yield text_of(parts)
    for part in parts:
        yield from _other_texts(part)


def _other_texts(part: Part) -> Iterable[str]:
    if isinstance(part, Thinking):
        return [part.text]
    if isinstance(part, Document):
        return [part.name, part.text, *_strings(list(part.extra.values()))]
    if isinstance(part, ToolCall):
        return _argument_texts(part.arguments)
    if isinstance(part, ToolResult):
        return _texts(part.parts)
    return _strings(part.body) if isinstance(part, Foreign) else []


def _argument_texts(arguments: str) -> Iterator[str]:
    """The JSON as it came, and its words: escaped letters are read as the tool will read them."""
    yield arguments
    if "\\" not in arguments:
        return
    try:
        yield from _strings(orjson.loads(arguments))
    except orjson.JSONDecodeError:
        return


def _strings(value: Any) -> Iterator[str]:
    """Every text in a piece of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
