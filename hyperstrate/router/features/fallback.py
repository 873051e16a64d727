"""When a target fails, try the next one."""

from __future__ import annotations

from dataclasses import dataclass

from hyperstrate.router.stage import Attempt, Exchange, Stage, Target
from hyperstrate.shared.chat import ChatResult
from hyperstrate.shared.errors import ProviderError, ProviderErrorKind

# What is the client's own doing fails everywhere; who has gone needs no answer.
_OF_THE_CLIENT: frozenset[ProviderErrorKind] = frozenset({"bad_request", "too_large", "cancelled"})


@dataclass(frozen=True)
class Config:
    """Nothing to set: the strategy's order is the order of the fallback."""


class Fallback(Stage[Config]):
    name = "fallback"
    Config = Config

    def around(self, exchange: Exchange, target: Target, attempt: Attempt) -> ChatResult:
        """Raises ProviderError: the only target's own, else one that speaks for all of them."""
        failures: list[ProviderError] = []
        for candidate in _from(target, exchange.targets):
            if failures:
                _note(exchange, candidate, failures)
            try:
                return attempt(candidate)
            except ProviderError as error:
                if exchange.cancellation.is_cancelled or not _may_be_cured(error):
                    raise
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        raise _all_failed(failures) from failures[-1]


def _from(target: Target, targets: list[Target]) -> list[Target]:
    """``target`` and those after it; all the others when it is none of them.

    A budget had no room for the others when a call overflows: it has no other.
    """
    if target.is_overflow:
        return [target]
    if target in targets:
        return targets[targets.index(target) :]
    return [target, *targets]


def _may_be_cured(error: ProviderError) -> bool:
    return error.retryable or error.kind not in _OF_THE_CLIENT


def _note(exchange: Exchange, candidate: Target, failures: list[ProviderError]) -> None:
    exchange.step(
        "target_select",
        "Target Selection",
        "fallback",
        phase=6,
        detail=f"{candidate.model.definition_key} after {failures[-1].code}",
        attempts=len(failures) + 1,
    )


def _all_failed(failures: list[ProviderError]) -> ProviderError:
    waits = [error.retry_after_s for error in failures if error.retry_after_s is not None]
    return ProviderError(
        f"all targets failed; the last one: {failures[-1].message}",
        kind="server_error",
        status=502,
        code="all_targets_failed",
        retry_after_s=min(waits, default=None),
    )
