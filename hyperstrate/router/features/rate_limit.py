"""Let a router answer so many requests a second, and refuse the rest."""

from __future__ import annotations

from dataclasses import dataclass

from hyperstrate.router.stage import Exchange, Stage
from hyperstrate.shared.chat import ChatResult
from hyperstrate.shared.errors import TooManyRequests
from hyperstrate.shared.settings import setting


@dataclass(frozen=True)
class Config:
    rps: float = setting(
        10.0,
        min=0.001,
        max=1_000_000,
        label="Requests per second",
        help="What the router answers in the long run, over all callers; 0.1 is one in ten seconds",
    )
    burst: int = setting(
        0,
        min=0,
        max=1_000_000,
        help="Requests that may come at once after a quiet time; 0 means as many as in one second",
    )


class RateLimit(Stage[Config]):
    name = "rate_limit"
    Config = Config

    def before(self, exchange: Exchange) -> ChatResult | None:
        """Raises TooManyRequests."""
        began = exchange.elapsed_ms()
        taken = exchange.store.take(
            f"{exchange.scope}:rate_limit",
            rate=self.config.rps,
            burst=self.config.burst or max(1.0, self.config.rps),
        )
        outcome = "passed" if taken.is_allowed else "blocked"
        exchange.step("rate_limit", "Rate Limit", outcome, phase=1, since_ms=began)
        if not taken.is_allowed:
            raise TooManyRequests("rate limit exceeded", retry_after_s=taken.retry_after_s)
        return None
