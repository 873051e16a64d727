"""run(): the road of one request."""

from __future__ import annotations

from functools import partial
from typing import Any

from hyperstrate.router.admission import admit
from hyperstrate.router.attempt import attempt
from hyperstrate.router.breaker import order
from hyperstrate.router.expected import expected
from hyperstrate.router.ports import Inference
from hyperstrate.router.relay import Relay, replay
from hyperstrate.router.settlement import settle
from hyperstrate.router.stage import Attempt, Exchange, Stage, moments
from hyperstrate.shared.chat import ChatResult
from hyperstrate.shared.errors import AppError, ProviderError, Unprocessable


def run(exchange: Exchange, inference: Inference) -> ChatResult:
    """Answer ``exchange``. A streamed answer has a :class:`Relay` as its stream, which settles.

    Whatever happens, the request is settled once: its books, its log, its event.
    """
    entered: list[Stage[Any]] = []
    result: ChatResult | None = None
    try:
        admit(exchange)
        _take_limits(exchange, inference)
        result = _before(exchange, entered) or _call(exchange, inference)
        if exchange.chat.stream:
            return _streamed(exchange, inference, result, entered)
        _after(exchange, entered, result)
    except (AppError, ProviderError) as error:
        settle(exchange, inference, result, _reason(exchange, error))
        raise
    except Exception:
        settle(exchange, inference, result, AppError("internal server error"))
        raise
    settle(exchange, inference, result, None)
    return result


def _take_limits(exchange: Exchange, inference: Inference) -> None:
    """Raises TooManyRequests."""
    began = exchange.elapsed_ms()
    outcome = "blocked"
    try:
        question = partial(expected, exchange.chat, inference)
        exchange.hold = exchange.limits.take(exchange.scopes, question)
        outcome = "passed"
    finally:
        if outcome == "blocked" or exchange.hold is not None:
            exchange.step("limits", "Limits", outcome, phase=1, since_ms=began)


def _reason(exchange: Exchange, error: AppError | ProviderError) -> AppError | ProviderError:
    """Why there is no answer: nobody retried or went elsewhere for a client that had hung up."""
    if isinstance(error, AppError) or not exchange.cancellation.is_cancelled:
        return error
    return ProviderError("the client closed the connection", kind="cancelled")


def _before(exchange: Exchange, entered: list[Stage[Any]]) -> ChatResult | None:
    """Every stage in order until one answers; guardrails look at the request in any case."""
    answer: ChatResult | None = None
    for stage in exchange.plan.stages:
        if answer is not None and not stage.is_guardrail:
            continue
        entered.append(stage)
        answer = stage.before(exchange) or answer
    return answer


def _call(exchange: Exchange, inference: Inference) -> ChatResult:
    """Choose the targets; make the call, wrapped by every ``around``, the first one outermost."""
    if not exchange.plan.targets:
        raise Unprocessable("no enabled targets available for routing")
    if not exchange.targets:
        exchange.targets = order(exchange, exchange.plan.strategy(exchange))
    call: Attempt = partial(attempt, exchange, inference)
    for stage in reversed(moments(exchange.plan.stages, "around")):
        call = partial(stage.around, exchange, attempt=call)
    return call(exchange.targets[0])


def _after(exchange: Exchange, entered: list[Stage[Any]], result: ChatResult) -> None:
    for stage in reversed(entered):
        stage.after(exchange, result)


def _streamed(
    exchange: Exchange, inference: Inference, result: ChatResult, entered: list[Stage[Any]]
) -> ChatResult:
    exchange.begun_ms = exchange.elapsed_ms()
    source = result.stream or replay(result)
    result.stream = Relay(
        source,
        result,
        during=[partial(stage.during, exchange) for stage in moments(entered, "during")],
        after=partial(_after, exchange, entered, result),
        settle=partial(settle, exchange, inference, result),
    )
    return result
