"""The headers that say what is left of limits: OpenAI's names, and Anthropic's in its dialect."""

from __future__ import annotations

import time

from hyperstrate.shared.chat import Dialect
from hyperstrate.shared.rates import Rates, Room

Headers = list[tuple[str, str]]


def rate_headers(rates: Rates, dialect: Dialect | None) -> Headers:
    """The headers of an answer or refusal."""
    headers: Headers = []
    for counted, room in (("requests", rates.requests), ("tokens", rates.tokens)):
        if room is not None:
            headers += _openai(counted, room)
            if dialect is Dialect.ANTHROPIC_MESSAGES:
                headers += _anthropic(counted, room)
    if rates.is_degraded:
        headers.append(("x-hyperstrate-degraded", "limits"))
    return headers


def _openai(counted: str, room: Room) -> Headers:
    return [
        (f"x-ratelimit-limit-{counted}", str(room.limit)),
        (f"x-ratelimit-remaining-{counted}", str(room.left)),
        (f"x-ratelimit-reset-{counted}", _duration(room.reset_s)),
    ]


def _anthropic(counted: str, room: Room) -> Headers:
    """https://docs.anthropic.com/en/api/rate-limits#response-headers: times are RFC 3339."""
    at = time.gmtime(time.time() + room.reset_s)
    return [
        (f"anthropic-ratelimit-{counted}-limit", str(room.limit)),
        (f"anthropic-ratelimit-{counted}-remaining", str(room.left)),
        (f"anthropic-ratelimit-{counted}-reset", time.strftime("%Y-%m-%dT%H:%M:%SZ", at)),
    ]


def _duration(span_s: float) -> str:
    """As OpenAI writes it: 20ms, 1.5s, 6m0s."""
    if span_s < 1:
        return f"{round(span_s * 1000)}ms"
    if span_s < 60:
        return f"{span_s:.3g}s"
    minutes, rest = divmod(round(span_s), 60)
    return f"{minutes}m{rest}s"
