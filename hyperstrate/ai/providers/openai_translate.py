"""A conversation of another dialect, fitted to OpenAI's; what has no place there is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import groupby

from hyperstrate.ai.providers.openai_manners import Manners
from hyperstrate.shared.chat import (
    Conversation,
    Document,
    Foreign,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from hyperstrate.shared.openai_messages import rest

LOW_BUDGET, MEDIUM_BUDGET = 4_096, 16_384
_NO_THINKING = {"type": "disabled"}
_SAID_OTHERWISE = ("thinking", "type")
_IN_NEXT_MESSAGE = "(The tool's files follow in the next message.)"


def effort_of(reasoning: Reasoning) -> str:
    """The effort word for a budget: low below 4,096 tokens, medium below 16,384, else high."""
    if reasoning.effort:
        return "high" if reasoning.effort == "max" else reasoning.effort
    if reasoning.budget_tokens is None:
        return ""
    if reasoning.budget_tokens < LOW_BUDGET:
        return "low"
    return "medium" if reasoning.budget_tokens < MEDIUM_BUDGET else "high"


class Translation:
    """One conversation's way into OpenAI's dialect. ``lost`` counts what it cannot carry."""

    def __init__(self, manners: Manners, upstream_model: str) -> None:
        self._manners = manners
        self._has_effort = upstream_model.startswith(manners.effort_models)
        self.lost: Counter[str] = Counter()

    def names(self) -> list[str]:
        """What was lost: ``thinking``, ``cache_control[2]``."""
        return [f"{name}[{n}]" if n > 1 else name for name, n in self.lost.items()]

    def conversation(self, given: Conversation) -> Conversation:
        """A copy with only what OpenAI's dialect has words for."""
        self.lost.update(key for key in given.extra if key not in _SAID_OTHERWISE)
        for message in given.messages:
            self.lost.update(f"messages.{key}" for key, it in message.extra.items() if it)
        fitted = replace(
            given,
            messages=self._messages(given.messages),
            tools=[tool for it in given.tools if (tool := self._tool(it)) is not None],
            reasoning=self._reasoning(given),
            extra={},
        )
        if given.top_k is not None and not self._manners.takes_top_k:
            self.lost["top_k"] += 1
            fitted.top_k = None
        return fitted

    def _reasoning(self, asked: Conversation) -> Reasoning | None:
        given = asked.reasoning
        if given is None and asked.extra.get("thinking", _NO_THINKING) != _NO_THINKING:
            self.lost["thinking"] += 1
        effort = effort_of(given) if given is not None else ""
        if effort and not self._has_effort:
            self.lost["thinking"] += 1
            return None
        return Reasoning(effort) if effort else None

    def _messages(self, given: list[Message]) -> list[Message]:
        """Files that tools answered with go into the user's message behind all the answers.

        A turn of which nothing is left is left out, but for the user's: somebody must ask.
        """
        fitted: list[Message] = []
        files: list[Part] = []
        for message in in_turns(given):
            if message.role == "tool":
                fitted.append(Message("tool", self._results(message.parts, files)))
                continue
            parts = self._parts(message.parts)
            if files and message.role != "user":
                fitted.append(Message("user", files))
            elif files:
                parts = [*files, *parts]
            files = []
            if parts or message.role == "user":
                fitted.append(Message(message.role, self._plain(parts)))
        return [*fitted, Message("user", files)] if files else fitted

    def _results(self, given: list[Part], files: list[Part]) -> list[Part]:
        results: list[Part] = []
        for result in given:
            if not isinstance(result, ToolResult):
                continue
            parts = self._parts(result.parts)
            words = [part for part in parts if isinstance(part, Text)]
            added = [part for part in parts if not isinstance(part, Text)]
            files += added
            if added and not words:
                words = [Text(_IN_NEXT_MESSAGE)]
            if result.is_error:
                self.lost["is_error"] += 1
            results.append(
                ToolResult(result.call_id, self._plain([*words]), extra=self._extra(result.extra))
            )
        return results

    def _plain(self, parts: list[Part]) -> list[Part]:
        """Texts as one text, where the provider reads no lists of them."""
        texts = [part for part in parts if isinstance(part, Text)]
        if self._manners.takes_text_parts or len(texts) < 2:
            return parts
        if any(isinstance(part, Image | Document) for part in parts):
            return parts
        joined = Text("\n\n".join(part.text for part in texts))
        return [joined, *(part for part in parts if not isinstance(part, Text))]

    def _parts(self, given: list[Part]) -> list[Part]:
        return [part for it in given if (part := self._part(it)) is not None]

    def _part(self, part: Part) -> Part | None:
        if isinstance(part, Foreign):
            self.lost[str(part.body.get("type", "unknown"))] += 1
            return None
        if isinstance(part, Thinking):
            return self._thinking(part)
        if isinstance(part, Document):
            return self._document(part)
        if isinstance(part, Text | Image | ToolCall):
            return replace(part, extra=self._extra(part.extra))
        return None

    def _thinking(self, part: Thinking) -> Part | None:
        if self._manners.thoughts and part.text:
            return Thinking(part.text, extra={"words": self._manners.thoughts})
        self.lost["thinking"] += 1
        return None

    def _document(self, part: Document) -> Part | None:
        extra = self._extra(part.extra)
        if part.text:
            return Text(f"{part.name}\n\n{part.text}" if part.name else part.text, extra)
        takes = self._manners.takes_files if part.data else self._manners.takes_file_urls
        if not takes:
            self.lost["document"] += 1
            return None
        return replace(part, name=part.name or "document.pdf", extra={})

    def _tool(self, tool: Tool | Foreign) -> Tool | None:
        if isinstance(tool, Foreign):
            self.lost[f"tools.{tool.body.get('type', 'unknown')}"] += 1
            return None
        extra = self._extra(rest(tool.extra, "strict"), "tools.")
        if "strict" in tool.extra:
            extra["strict"] = tool.extra["strict"]
        return replace(tool, extra=extra)

    def _extra(self, extra: Json, place: str = "") -> Json:
        kept: Json = {}
        for key, value in extra.items():
            if key == "cache_control" and self._manners.takes_cache_control:
                kept[key] = value
            elif value and key not in _SAID_OTHERWISE:
                self.lost[key if key == "cache_control" else place + key] += 1
        return kept


def in_turns(messages: list[Message]) -> list[Message]:
    """Between two turns of the model the results come first; its turns in a row are one.

    So OpenAI wants it: behind a turn that calls tools nothing but their results.
    """
    ordered: list[Message] = []
    for is_model, group in groupby(messages, lambda message: message.role == "assistant"):
        if is_model:
            parts = [part for message in group for part in message.parts]
            ordered.append(Message("assistant", parts))
        else:
            ordered += sorted(group, key=lambda message: message.role != "tool")
    return ordered
