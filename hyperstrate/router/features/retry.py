"""Repeat a failed call to the same target, with exponential back-off and jitter."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass

from hyperstrate.router.stage import Attempt, Exchange, Stage, Target
from hyperstrate.shared.chat import ChatResult
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.settings import setting

MAX_WAIT_S = 20.0
JITTER = 0.5
# The system's source: a seeded one would repeat itself in every forked process.
draw: random.Random = random.SystemRandom()


@dataclass(frozen=True)
class Config:
    max_retries: int = setting(3, min=0, max=10, help="Calls after the first one, if it failed")
    initial_delay_ms: int = setting(
        100, min=0, max=10_000, help="Milliseconds before the second call"
    )
    backoff_multiplier: float = setting(
        2.0, min=1, max=10, help="How the wait grows from call to call; it never exceeds 20 seconds"
    )


class Retry(Stage[Config]):
    """Only failures that may pass are repeated, and only until the first word has left."""

    name = "retry"
    Config = Config

    def around(self, exchange: Exchange, target: Target, attempt: Attempt) -> ChatResult:
        for tried in range(self.config.max_retries):
            try:
                return attempt(target)
            except ProviderError as error:
                began = exchange.elapsed_ms()
                wait_s = self._wait_s(tried, error)
                if wait_s is None or not _waited(exchange, wait_s):
                    raise
                exchange.step(
                    "inference",
                    "Model Inference",
                    "retry",
                    phase=6,
                    detail=error.code,
                    since_ms=began,
                    attempts=tried + 1,
                )
        return attempt(target)

    def _wait_s(self, tried: int, error: ProviderError) -> float | None:
        """Seconds to wait; None when a call to this target is not to be repeated.

        A provider that asks for a longer wait than ours is left to a fallback.
        """
        asked_s = error.retry_after_s or 0.0
        if not error.retryable or error.kind == "circuit_open" or asked_s > MAX_WAIT_S:
            return None
        growth = self.config.backoff_multiplier**tried
        own_s = min(self.config.initial_delay_ms / 1000 * growth, MAX_WAIT_S)
        return max(own_s * draw.uniform(1 - JITTER, 1), asked_s * draw.uniform(1, 1.1))


def _waited(exchange: Exchange, wait_s: float) -> bool:
    """Wait, unless the caller goes or has gone away: then no more calls are made."""
    gone = threading.Event()
    began = exchange.elapsed_ms()
    exchange.cancellation.add(gone.set)
    try:
        return not gone.wait(wait_s)
    finally:
        exchange.cancellation.remove(gone.set)
        exchange.waited_ms += exchange.elapsed_ms() - began
