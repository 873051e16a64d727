"""One call to one target: its prompt, its circuit breaker, its line in the trace."""

from __future__ import annotations

from decimal import Decimal
from time import perf_counter, time

from hyperstrate.events import AttemptMade
from hyperstrate.router import breaker, used
from hyperstrate.router.ports import Inference
from hyperstrate.router.relay import prime
from hyperstrate.router.stage import Exchange, Target
from hyperstrate.router.strategies import latency_based
from hyperstrate.router.worst import worst
from hyperstrate.shared.chat import ChatRequest, ChatResult, Usage
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.spending import Reservation
from hyperstrate.shared.template import interpolate


def attempt(exchange: Exchange, inference: Inference, target: Target) -> ChatResult:
    """Call ``target``. A streamed answer is read up to the first word, so that it may still fail.

    Raises ProviderError.
    """
    if exchange.cancellation.is_cancelled:
        raise ProviderError("the client closed the connection", kind="cancelled")
    breaker.check(exchange, target)
    began = exchange.elapsed_ms()
    try:
        chat = _worded(exchange, target)
        reservation = _reserve(exchange, inference, target, chat)
    except BaseException:
        breaker.release(exchange, target)
        raise
    try:
        result = _send(exchange, inference, target, chat)
    except ProviderError as error:
        breaker.record(exchange, target, error)
        _note_failure(exchange, inference, target, error, reservation, began_ms=began)
        raise
    except BaseException:
        _note_accident(exchange, target, reservation, began)
        raise
    exchange.target = target
    result.reservation = reservation
    _note_success(exchange, target, result, began)
    return result


def _reserve(
    exchange: Exchange, inference: Inference, target: Target, chat: ChatRequest
) -> Reservation:
    """Raises PaymentRequired when a budget has no room for the call."""
    return exchange.spending.reserve(
        exchange.scopes,
        lambda: worst(chat, inference, target),
        at=time(),
        is_first=not exchange.attempts,
        is_overflow=target.is_overflow,
    )


def _send(
    exchange: Exchange, inference: Inference, target: Target, chat: ChatRequest
) -> ChatResult:
    started = perf_counter()
    try:
        result = inference.send(exchange.org_id, target.model.model_id, chat, exchange.cancellation)
        if result.stream is not None:
            result.begun = prime(result.stream)
            result.ttft_ms = exchange.elapsed_ms()
        return result
    finally:
        exchange.waited_ms += (perf_counter() - started) * 1000


def _worded(exchange: Exchange, target: Target) -> ChatRequest:
    """The request with the prompt of the target, else of the router where the client sent none."""
    chat = exchange.chat
    prompt = target.prompt
    if not prompt and exchange.plan.prompt and not _has_system(chat):
        prompt = exchange.plan.prompt
    if not prompt or chat.operation != "chat":
        return chat
    own = chat.copy()
    own.edit().set_system(interpolate(prompt, exchange.variables))
    return own


def _has_system(chat: ChatRequest) -> bool:
    return any(message.role == "system" for message in chat.conversation.messages)


def _note_failure(
    exchange: Exchange,
    inference: Inference,
    target: Target,
    error: ProviderError,
    reservation: Reservation,
    *,
    began_ms: float,
) -> None:
    took = exchange.elapsed_ms() - began_ms
    _measure(exchange, target, took, is_failed=True)
    spent = used.in_vain(exchange, inference, target, error)
    exchange.step(
        "inference",
        "Model Inference",
        "error",
        phase=6,
        detail=_detail(target, error)[:500],
        since_ms=began_ms,
    )
    exchange.attempts.append(
        AttemptMade(
            id=reservation.id,
            at=reservation.at,
            reserved=reservation.units,
            target_id=target.id,
            model_id=target.model.model_id,
            status="error",
            usage=spent.usage,
            cost_usd=spent.cost_usd,
            price_version=spent.price_version,
            latency_ms=took,
            error_code=error.code,
            is_overflow=target.is_overflow,
        )
    )
    tokens = spent.usage.input_tokens + spent.usage.output_tokens
    exchange.spending.settle(reservation, spent.cost_usd, tokens)


def _note_accident(
    exchange: Exchange, target: Target, reservation: Reservation, began_ms: float
) -> None:
    """Something of ours broke: the ledger gets its entry, so that budgets hold nothing for ever."""
    exchange.attempts.append(
        AttemptMade(
            id=reservation.id,
            at=reservation.at,
            reserved=reservation.units,
            target_id=target.id,
            model_id=target.model.model_id,
            status="error",
            usage=Usage(),
            latency_ms=exchange.elapsed_ms() - began_ms,
            error_code="internal_error",
            is_overflow=target.is_overflow,
        )
    )
    exchange.spending.settle(reservation, Decimal(0), 0)
    breaker.release(exchange, target)


def _detail(target: Target, error: ProviderError) -> str:
    words = (target.model.definition_key, error.code, error.message, error.detail)
    return " · ".join(filter(None, words))


def _note_success(exchange: Exchange, target: Target, result: ChatResult, began: float) -> None:
    """The answer is here, or has begun; the rest is told when it has ended (settlement)."""
    result.began_ms = began
    _measure(exchange, target, exchange.elapsed_ms() - began, is_failed=False)


def _measure(exchange: Exchange, target: Target, took_ms: float, *, is_failed: bool) -> None:
    if exchange.plan.strategy_name == "latency_based":
        latency_based.record(exchange, target, took_ms, is_failed=is_failed)
