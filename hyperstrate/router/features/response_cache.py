"""Answer a request that was answered before, word for word the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from hyperstrate.router.answers import pack, unpack
from hyperstrate.router.stage import Exchange, Plan, Stage
from hyperstrate.shared.chat import (
    ChatRequest,
    ChatResult,
    Foreign,
    Part,
    Text,
    Thinking,
    ToolCall,
)
from hyperstrate.shared.settings import setting

MAX_ENTRY_BYTES = 2**20
COMPLETE = frozenset({"stop", "tool_calls"})
# Fields of a body that do not change the answer: how it is sent, and for whom.
_ASIDE = frozenset(
    {"stream", "stream_options", "user", "metadata", "safety_identifier", "prompt_cache_key"}
)
# A body of these alone means the same in every dialect.
_COMMON = frozenset({"model", "messages", "max_tokens", "temperature", "top_p"})


@dataclass(frozen=True)
class Config:
    ttl_seconds: int = setting(
        300, min=1, max=30 * 86_400, label="Seconds to live", help="How long an answer is kept"
    )
    scope: Literal["router", "key"] = setting(
        "router",
        label="Shared by",
        help="router: every caller of the router gets it; key: only the key or person who asked",
    )


class ResponseCache(Stage[Config]):
    """The key is made of everything that determines the answer: the request, the router's prompts,
    targets and settings. So an edit of the router begins with an empty cache."""

    name = "response_cache"
    Config = Config
    _plan: Plan | None = None
    _plan_digest = b""

    def before(self, exchange: Exchange) -> ChatResult | None:
        if exchange.bypass_cache:
            return None
        began = exchange.elapsed_ms()
        key = self._key(exchange)
        found = self._find(exchange, key)
        outcome = "hit_exact" if found else "miss"
        exchange.step("cache", "Cache", outcome, phase=3, since_ms=began)
        if found is None:
            exchange.memory[self] = key
        return found

    def after(self, exchange: Exchange, result: ChatResult) -> None:
        """Keep a whole answer that a provider gave; never one that was cut, refused or cached."""
        key = exchange.memory.get(self)
        if key is None or exchange.cache_hit_type or not _is_whole(exchange, result):
            return
        began = exchange.elapsed_ms()
        target_id = exchange.target.id if exchange.target else ""
        entry = target_id.encode() + b"\n" + pack(result)
        if len(entry) > MAX_ENTRY_BYTES:
            return
        exchange.store.set(key, entry, ttl_s=self.config.ttl_seconds)
        exchange.step("cache_store", "Cache Store", "stored", phase=8, since_ms=began)

    def _find(self, exchange: Exchange, key: str) -> ChatResult | None:
        entry = exchange.store.get(key)
        if entry is None:
            return None
        target_id, _, packed = entry.partition(b"\n")
        result = unpack(packed)
        if result is None:
            return None
        exchange.cache_hit_type = "exact"
        known = {target.id: target for target in exchange.plan.targets}
        exchange.target = known.get(target_id.decode())
        return result

    def _key(self, exchange: Exchange) -> str:
        caller = exchange.caller
        owner = [caller.kind, caller.key_id, caller.user_id] if self.config.scope == "key" else []
        asked = [owner, *_request(exchange.chat), exchange.variables]
        digest = hashlib.sha256(self._digest_of(exchange.plan))
        digest.update(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS))
        return f"{exchange.scope}:response_cache:{digest.hexdigest()}"

    def _digest_of(self, plan: Plan) -> bytes:
        """What of the router goes into every key; a stage belongs to one plan, so made once."""
        if self._plan is not plan:
            stages = [[stage.name, repr(stage.config)] for stage in plan.stages]
            targets = [
                [target.id, target.model.model_id, target.model.upstream_model, target.prompt]
                for target in plan.targets
            ]
            known = [plan.org_id, plan.router_id, plan.prompt, targets, stages]
            self._plan_digest = hashlib.sha256(orjson.dumps(known)).digest()
            self._plan = plan
        return self._plan_digest


def _request(chat: ChatRequest) -> list[Any]:
    """The request without what does not change its answer, and its dialect where that matters."""
    body = {name: value for name, value in chat.body.items() if name not in _ASIDE}
    headers = {name: value for name, value in chat.headers.items() if name != "anthropic-version"}
    is_common = not headers and body.keys() <= _COMMON and _is_plain(body.get("messages"))
    return [chat.operation, "" if is_common else chat.dialect.value, headers, body]


def _is_plain(messages: Any) -> bool:
    """Only words of user and assistant."""
    return isinstance(messages, list) and all(
        isinstance(message, dict)
        and message.keys() == {"role", "content"}
        and message["role"] in ("user", "assistant")
        and isinstance(message["content"], str)
        for message in messages
    )


def _is_whole(exchange: Exchange, result: ChatResult) -> bool:
    if exchange.cancellation.is_cancelled:
        return False
    if exchange.chat.operation == "embeddings":
        return bool(result.raw or result.body)
    if exchange.chat.stream and (result.others or exchange.chat.body.get("n") not in (None, 1)):
        return False  # a stream's further choices are known as one text only
    if not result.is_retellable or any(map(_is_untold, result.parts)):
        return False
    return result.finish_reason in COMPLETE and any(map(_says_something, result.parts))


def _is_untold(part: Part) -> bool:
    """Parts that cannot be told again to a client of another dialect, or as a stream."""
    return isinstance(part, Foreign) or (isinstance(part, Thinking) and bool(part.redacted))


def _says_something(part: Part) -> bool:
    return isinstance(part, ToolCall) or (isinstance(part, Text) and bool(part.text.strip()))
