"""From a line of the spool to the rows of the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

Row: TypeAlias = dict[str, Any]
MAX_MESSAGE = 10_000
_TEN_DECIMALS = Decimal("1e-10")  # as the table has them, so that sums of rows are exact
_SAME_NAME = (
    "id", "org_id", "source", "status", "router_id", "router_name", "model_id", "model_def_key",
    "provider", "price_version", "error_code", "finish_reason", "dialect", "cache_hit_type",
    "user_id", "team_id", "api_key_id", "virtual_key_id",
)  # fmt: skip
_TOKENS = (
    "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_input_tokens",
    "cache_write_1h_input_tokens", "reasoning_tokens",
)  # fmt: skip
_SESSION_WORDS = {
    "agent_session_id": ("agent_session_id", "session_id", "conversation_id"),
    "agent": ("agent",),
    "agent_role": ("agent_role",),
    "parent_session_id": ("parent_session_id", "parent_agent_session_id"),
}
_NO_SESSION: Row = {**dict.fromkeys(_SESSION_WORDS, ""), "turn_index": 0}


@dataclass(frozen=True, slots=True)
class Record:
    """A finished request as it is stored; ``line`` is where it came from.

    ``key_used``: organisation, key, and the prefix of the secret that was sent; None without one.
    """

    line: bytes
    log: Row
    payload: Row | None
    key_used: tuple[str, str, str] | None = None


def read(line: bytes) -> Record:
    """Read a RoutedInference. Raises ValueError, KeyError, TypeError or ArithmeticError."""
    event: dict[str, Any] = orjson.loads(line)
    if not event["id"] or not event["org_id"]:
        raise ValueError("a request without id or organisation")
    created_at = datetime.fromtimestamp(event["at"], UTC)
    log: Row = {name: _text(event[name]) for name in _SAME_NAME}
    log |= _tokens(event["usage"]) | _measures(event) | _session(event["session"])
    log |= {
        "created_at": created_at,
        "selected_target_id": _text(event["target_id"]),
        "http_status": int(event["http_status"]),
        "error_message": _text(event["error_message"])[:MAX_MESSAGE],
        "is_stream": bool(event["is_stream"]),
        "cache_hit": bool(event["cache_hit_type"]),
        "pipeline_trace": orjson.dumps(event["steps"]).decode(),
        "attempts": list(event["attempts"]),
        "dropped": list(event["dropped"]),
    }
    return Record(line, log, _payload(event, created_at), _key_used(event))


def _key_used(event: dict[str, Any]) -> tuple[str, str, str] | None:
    """An API key may count on a virtual key, whose own secret was not used then."""
    key_id = event["api_key_id"] or event["virtual_key_id"]
    return (event["org_id"], key_id, event["key_prefix"]) if key_id else None


def _tokens(usage: dict[str, Any]) -> Row:
    tokens: Row = {name: int(usage[name]) for name in _TOKENS}
    tokens["total_tokens"] = tokens["input_tokens"] + tokens["output_tokens"]
    tokens["usage_is_estimated"] = bool(usage["is_estimated"])
    return tokens


def _measures(event: dict[str, Any]) -> Row:
    ttft_ms = event["ttft_ms"]
    return {
        "cost_usd": Decimal(str(event["cost_usd"])).quantize(_TEN_DECIMALS),
        "latency_ms": round(event["latency_ms"]),
        "overhead_ms": float(event["overhead_ms"]),
        "ttft_ms": None if ttft_ms is None else round(ttft_ms),
    }


def _session(said: dict[str, Any]) -> Row:
    """What the client said of its agent session; nothing it says may keep a request out."""
    if not said:
        return _NO_SESSION
    turn = str(said.get("turn_index", ""))
    texts = {
        name: next((_text(said[word]) for word in words if said.get(word)), "")[:200]
        for name, words in _SESSION_WORDS.items()
    }
    return {**texts, "turn_index": int(turn) if turn.isdecimal() and len(turn) < 10 else 0}


def _payload(event: dict[str, Any], created_at: datetime) -> Row | None:
    asked, answered = event["request_body"], event["response_text"]
    if asked is None and answered is None:
        return None
    return {
        "log_id": event["id"],
        "org_id": event["org_id"],
        "router_id": event["router_id"],
        "request_fields": None if asked is None else orjson.dumps(asked).decode(),
        "response_content": None if answered is None else _text(answered),
        "created_at": created_at,
    }


def _text(value: Any) -> str:
    """Text that every database takes: PostgreSQL refuses the character NUL."""
    return "" if value is None else str(value).replace("\x00", "\ufffd")
