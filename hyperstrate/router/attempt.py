"""One call to one target: its prompt, its circuit breaker, its line in the trace."""

from __future__ import annotations

from time import perf_counter

from hyperstrate.events import AttemptMade
from hyperstrate.router import breaker, used
from hyperstrate.router.ports import Inference
from hyperstrate.router.relay import prime
from hyperstrate.router.stage import Exchange, Target
from hyperstrate.router.strategies import latency_based
from hyperstrate.shared.chat import ChatRequest, ChatResult
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.ids import new_id
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
        result = _send(exchange, inference, target)
    except ProviderError as error:
        breaker.record(exchange, target, error)
        _note_failure(exchange, inference, target, error, began_ms=began)
        raise
    exchange.target = target
    _note_success(exchange, target, result, began)
    return result


def _send(exchange: Exchange, inference: Inference, target: Target) -> ChatResult:
    started = perf_counter()
    try:
        result = inference.send(
            exchange.org_id, target.model.model_id, _worded(exchange, target), exchange.cancellation
        )
        if result.stream is not None:
            result.stream = prime(result.stream)
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
        detail=f"{target.model.definition_key} · {error.code} · {error.message}"[:500],
        since_ms=began_ms,
    )
    exchange.attempts.append(
        AttemptMade(
            id=new_id("att"),
            target_id=target.id,
            model_id=target.model.model_id,
            status="error",
            usage=spent.usage,
            cost_usd=spent.cost_usd,
            price_version=spent.price_version,
            latency_ms=took,
            error_code=error.code,
        )
    )


def _note_success(exchange: Exchange, target: Target, result: ChatResult, began: float) -> None:
    """The answer is here, or has begun; the rest is told when it has ended (settlement)."""
    result.began_ms = began
    _measure(exchange, target, exchange.elapsed_ms() - began, is_failed=False)


def _measure(exchange: Exchange, target: Target, took_ms: float, *, is_failed: bool) -> None:
    if exchange.plan.strategy_name == "latency_based":
        latency_based.record(exchange, target, took_ms, is_failed=is_failed)
