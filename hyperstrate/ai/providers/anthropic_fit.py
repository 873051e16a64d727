"""A conversation of another dialect, fitted to Anthropic's rules; what has no place is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hyperstrate.ai.providers.anthropic_fit_messages import fit_messages, keep_cache_control
from hyperstrate.ai.providers.anthropic_models import Abilities, abilities_of
from hyperstrate.ai.providers.anthropic_request import max_tokens
from hyperstrate.ai.providers.base import Registration
from hyperstrate.shared.anthropic_blocks import rest
from hyperstrate.shared.chat import (
    Conversation,
    Dialect,
    Foreign,
    Json,
    Reasoning,
    ResponseFormat,
    Thinking,
    Tool,
    ToolCall,
)

MIN_BUDGET = 1024
USER_ID_LENGTH = 256
# Google's documented meaning of the effort words in tokens; Anthropic gives none of its own.
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576,
            "max": 24576}  # fmt: skip
_NO_EFFORT = ("none", "default")
_MEANS_NOTHING: dict[str, Any] = {"n": 1, "frequency_penalty": 0, "presence_penalty": 0}
_DONE_BY_THE_GATEWAY = ("stream_options",)


def fit(conversation: Conversation, model: Registration) -> tuple[Conversation, list[str]]:
    """A copy that Anthropic takes, and the names of what it lost."""
    fitting = _Fitting(conversation, model)
    return fitting.fitted, list(dict.fromkeys(fitting.dropped))


class _Fitting:
    def __init__(self, given: Conversation, model: Registration) -> None:
        self.dropped: list[str] = []
        self._model = model
        self._abilities: Abilities = abilities_of(model.upstream_model)
        self.fitted = replace(given, messages=fit_messages(given.messages, self.dropped), extra={})
        self._name_unknown(given)
        self._fit_tools()
        self._fit_stop()
        self._fit_format()
        self._fit_reasoning()
        self._fit_sampling()

    def _drop(self, name: str) -> None:
        self.dropped.append(name)

    def _name_unknown(self, given: Conversation) -> None:
        for name, value in given.extra.items():
            means_nothing = not value or value == _MEANS_NOTHING.get(name)
            if not means_nothing and name not in _DONE_BY_THE_GATEWAY:
                self._drop(name)
        if given.seed is not None:
            self._drop("seed")
        if given.user is not None and len(given.user) > USER_ID_LENGTH:
            self.fitted.user = None
            self._drop("user")

    def _fit_tools(self) -> None:
        fitted, given = self.fitted, self.fitted.tools
        fitted.tools = [tool for item in given if (tool := self._tool(item)) is not None]
        if not fitted.tools:
            fitted.tool_choice = None

    def _tool(self, tool: Tool | Foreign) -> Tool | Foreign | None:
        if isinstance(tool, Foreign):
            if tool.dialect is Dialect.ANTHROPIC_MESSAGES:
                return tool
            self._drop(f"tools.{tool.body.get('type', 'unknown')}")
            return None
        marks = {**rest(tool.extra, "strict", "function"), **tool.extra.get("function", {})}
        extra = keep_cache_control(marks, self.dropped, "tools.")
        if tool.extra.get("strict") and self._abilities.has_schemas:
            extra["strict"] = True
        elif tool.extra.get("strict"):
            self._drop("tools.strict")
        parameters = {"type": "object", **tool.parameters}
        parameters.setdefault("properties", {})
        return replace(tool, parameters=parameters, extra=extra)

    def _fit_stop(self) -> None:
        """Anthropic refuses stop sequences of nothing but white space."""
        stop = [sequence for sequence in self.fitted.stop if sequence.strip()]
        if len(stop) < len(self.fitted.stop):
            self._drop("stop")
        self.fitted.stop = stop

    def _fit_format(self) -> None:
        """Schemas are enforced where the model can; else the answer is only asked to be JSON."""
        form = self.fitted.response_format
        if form is None or form.kind == "text":
            self.fitted.response_format = None
        elif form.kind == "json_schema" and self._abilities.has_schemas:
            self.fitted.response_format = replace(form, schema=closed(form.schema))
        else:
            self._drop("response_format")
            self.fitted.response_format = ResponseFormat("json_object", form.schema)

    def _fit_reasoning(self) -> None:
        fitted, asked = self.fitted, self.fitted.reasoning
        fitted.reasoning = None
        if asked is None or asked.effort in _NO_EFFORT or asked == Reasoning():
            return
        if not self._abilities.thinks:
            self._drop("reasoning_effort")
        elif self._abilities.is_adaptive:
            fitted.extra["thinking"] = {"type": "adaptive", "display": "summarized"}
            fitted.reasoning = Reasoning(effort=self._effort(asked))
        else:
            self._give_budget(asked)

    def _effort(self, asked: Reasoning) -> str:
        if asked.effort == "minimal":
            return "low"
        if asked.effort == "xhigh" and not self._abilities.has_xhigh:
            return "high"
        if asked.effort or asked.budget_tokens is None:
            return asked.effort
        words = (word for word in ("low", "medium") if asked.budget_tokens <= _BUDGETS[word])
        return next(words, "high")

    def _give_budget(self, asked: Reasoning) -> None:
        """A thinking budget, with ``max_tokens`` above it: it counts the thoughts too."""
        fitted, ceiling = self.fitted, self._model.max_output_tokens
        budget = max(MIN_BUDGET, asked.budget_tokens or _BUDGETS.get(asked.effort, 0))
        limit = max_tokens(fitted, self._model)
        limit = limit if limit > budget else limit + budget
        if ceiling is not None:
            limit = min(limit, ceiling)
        budget = min(budget, limit - 1)
        if budget < MIN_BUDGET or not self._may_think():
            self._drop("reasoning_effort")
            return
        fitted.max_output_tokens = limit
        fitted.reasoning = Reasoning(budget_tokens=budget)

    def _may_think(self) -> bool:
        """Budgeted thinking is refused with a forced tool, and in a tool loop begun without it."""
        choice, messages = self.fitted.tool_choice, self.fitted.messages
        if choice is not None and choice.mode in ("required", "tool"):
            return False
        turn = next((it for it in reversed(messages) if it.role == "assistant"), None)
        is_in_loop = turn is not None and messages[-1].role == "tool"
        if turn is None or not is_in_loop:
            return True
        calls = any(isinstance(part, ToolCall) for part in turn.parts)
        return not calls or isinstance(turn.parts[0], Thinking)

    def _fit_sampling(self) -> None:
        """Ranges, and what the model or its thinking refuses."""
        fitted, abilities = self.fitted, self._abilities
        thinks = fitted.reasoning is not None
        if fitted.temperature is not None and fitted.temperature > 1:
            fitted.temperature = 1.0
            self._drop("temperature")
        if not abilities.has_sampling or (thinks and fitted.temperature != 1):
            self._clear("temperature")
        narrow = fitted.top_p is not None and fitted.top_p < 0.95
        both = fitted.temperature is not None and not abilities.takes_both
        if not abilities.has_sampling or both or (thinks and narrow):
            self._clear("top_p")
        if not abilities.has_sampling or thinks:
            self._clear("top_k")

    def _clear(self, name: str) -> None:
        if getattr(self.fitted, name) is not None:
            setattr(self.fitted, name, None)
            self._drop(name)


def closed(schema: Json) -> Json:
    """``schema`` with every object closed, as Anthropic's structured output demands."""
    fitted = {key: _closed(value) for key, value in schema.items()}
    if fitted.get("type") == "object":
        fitted.setdefault("additionalProperties", False)
    return fitted


def _closed(value: Any) -> Any:
    if isinstance(value, dict):
        return closed(value)
    return [_closed(item) for item in value] if isinstance(value, list) else value
