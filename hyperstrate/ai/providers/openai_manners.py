"""How the providers that speak OpenAI's dialect differ: data, no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

THOUGHTS = frozenset(
    {"reasoning_content", "reasoning", "reasoning_details", "thinking_blocks"}
)  # fmt: skip
EVERY_MODEL = ("",)


@dataclass(frozen=True, slots=True)
class Manners:
    """What a provider calls things, and what it refuses.

    ``renamed``: OpenAI's field -> the provider's. ``refused`` and ``refused_in_messages`` are
    answered with a 4xx there and left out. ``has_short_call_ids``: a tool call's id has nine
    letters and digits. ``effort_models``: prefixes of the models that take reasoning_effort. The
    rest is for conversations that come from another dialect: the field for past ``thoughts`` (none
    if empty), and which kinds of parts it reads.
    """

    max_tokens: str = "max_tokens"
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    refused: frozenset[str] = frozenset()
    refused_in_messages: frozenset[str] = frozenset()
    has_stream_options: bool = True
    has_short_call_ids: bool = False
    effort_models: tuple[str, ...] = ()
    thoughts: str = ""
    takes_text_parts: bool = False
    takes_files: bool = False
    takes_file_urls: bool = False
    takes_top_k: bool = False
    takes_cache_control: bool = False


OPENAI = Manners(
    max_tokens="max_completion_tokens",
    refused_in_messages=THOUGHTS,
    effort_models=("o1", "o3", "o4", "gpt-5", "gpt-6", "gpt-oss", "codex"),
    takes_text_parts=True,
    takes_files=True,
)
# Unknown fields are a 422 there; seed and the output limit have names of their own.
MISTRAL = Manners(
    renamed=MappingProxyType({"max_completion_tokens": "max_tokens", "seed": "random_seed"}),
    refused=frozenset({"logit_bias", "logprobs", "top_logprobs", "store", "user"}),
    refused_in_messages=THOUGHTS,
    has_stream_options=False,
    has_short_call_ids=True,
    effort_models=("mistral-small-latest",),
    takes_text_parts=True,
)
# console.groq.com/docs/openai: these answer with a 400.
GROQ = Manners(
    max_tokens="max_completion_tokens",
    refused=frozenset({"logit_bias", "logprobs", "top_logprobs"}),
    refused_in_messages=(THOUGHTS - {"reasoning"}) | {"name"},
    effort_models=("openai/gpt-oss",),
    thoughts="reasoning",
)
CEREBRAS = Manners(
    max_tokens="max_completion_tokens",
    refused_in_messages=THOUGHTS - {"reasoning"},
    effort_models=("gpt-oss",),
    thoughts="reasoning",
)
DEEPSEEK = Manners(
    refused_in_messages=THOUGHTS - {"reasoning_content"}, thoughts="reasoning_content"
)
OPENROUTER = Manners(
    effort_models=EVERY_MODEL,
    thoughts="reasoning",
    takes_text_parts=True,
    takes_files=True,
    takes_file_urls=True,
    takes_top_k=True,
    takes_cache_control=True,
)
XAI = Manners(effort_models=("grok-3-mini",))
TOGETHER = Manners(effort_models=("openai/gpt-oss",), takes_top_k=True)
FIREWORKS = Manners(
    effort_models=("accounts/fireworks/models/gpt-oss",),
    thoughts="reasoning_content",
    takes_top_k=True,
)
PERPLEXITY = Manners(refused_in_messages=THOUGHTS, takes_top_k=True)
# Ollama refuses an effort for a model that does not think.
LOCAL = Manners(effort_models=("gpt-oss", "openai/gpt-oss"), takes_top_k=True)
