"""The end of a request: what it used and cost, and the event that tells it."""

from __future__ import annotations

import time
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from hyperstrate.events import AttemptMade, RoutedInference, routed_inference
from hyperstrate.router import breaker, used
from hyperstrate.router.ports import Inference
from hyperstrate.router.stage import Exchange, Target
from hyperstrate.shared.chat import ChatRequest, ChatResult, Usage
from hyperstrate.shared.errors import AppError, ProviderError
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.spending import Reservation

Failure = AppError | ProviderError


def settle(
    exchange: Exchange, inference: Inference, result: ChatResult | None, failure: Failure | None
) -> None:
    """Account for the answer, as far as it came, and emit RoutedInference; once a request.

    Budgets hear last: from then on the recorder knows what the call cost, whatever happens here.

    An answer from a cache used nothing: the event says no tokens, no cost and ``cache_hit_type``,
    while the client is told the usage of the first call.
    """
    if result is not None and exchange.cache_hit_type:
        used.complete(exchange, inference, result)
    elif result is not None and exchange.target is not None:
        _account(exchange, inference, exchange.target, result, failure)
    routed_inference.emit(_event(exchange, result, failure))
    if result is not None and result.reservation is not None:
        tokens = result.usage.input_tokens + result.usage.output_tokens
        exchange.spending.settle(result.reservation, result.cost_usd, tokens)
    _free(exchange)


def _free(exchange: Exchange) -> None:
    """Limits count what was really used, and the request is under way no longer."""
    if exchange.hold is not None:
        usages = [attempt.usage for attempt in exchange.attempts]
        exchange.hold.settle(sum(usage.input_tokens + usage.output_tokens for usage in usages))


def _account(
    exchange: Exchange,
    inference: Inference,
    target: Target,
    result: ChatResult,
    failure: Failure | None,
) -> None:
    is_whole = failure is None or result.finish_reason is not None
    used.account(exchange, inference, target, result, is_whole=is_whole)
    broken = failure if isinstance(failure, ProviderError) else None
    breaker.record(exchange, target, broken)
    outcome = "error" if broken else "success"
    held = result.reservation or Reservation(new_id("att"), time.time())
    exchange.step(
        "inference",
        "Model Inference",
        outcome,
        phase=6,
        detail=_detail(target, result),
        since_ms=result.began_ms,
    )
    exchange.attempts.append(
        AttemptMade(
            id=held.id,
            at=held.at,
            reserved=held.units,
            target_id=target.id,
            model_id=target.model.model_id,
            status=outcome,
            usage=result.usage,
            cost_usd=result.cost_usd,
            price_version=result.price_version,
            latency_ms=exchange.elapsed_ms() - result.began_ms,
            error_code=broken.code if broken else "",
            is_overflow=target.is_overflow,
        )
    )


def _detail(target: Target, result: ChatResult) -> str:
    """The wording that the analytics of the original parse: model, tokens, cost."""
    usage = result.usage
    words = [
        target.model.definition_key,
        f"{usage.input_tokens}↑ {usage.output_tokens}↓ tok",
    ]
    if usage.cached_input_tokens:
        words.append(f"{usage.cached_input_tokens} cached")
    written = usage.cache_write_input_tokens + usage.cache_write_1h_input_tokens
    if written:
        words.append(f"{written} cache write")
    if result.cost_usd:
        words.append(f"${result.cost_usd:.5f}")
    return " · ".join(words)


def _event(
    exchange: Exchange, result: ChatResult | None, failure: Failure | None
) -> RoutedInference:
    plan, attempts = exchange.plan, exchange.attempts
    steps = sorted(exchange.steps, key=lambda step: step.offset_ms)
    return RoutedInference(
        id=exchange.id,
        at=time.time(),
        org_id=plan.org_id,
        source="router" if plan.router_id else "direct",
        status="error" if failure else "success",
        usage=_total([attempt.usage for attempt in attempts]),
        cost_usd=sum((attempt.cost_usd for attempt in attempts), Decimal(0)),
        latency_ms=exchange.elapsed_ms(),
        overhead_ms=exchange.overhead_ms(),
        router_id=plan.router_id,
        router_name=plan.name,
        is_stream=exchange.chat.stream,
        dialect=exchange.chat.dialect.value,
        cache_hit_type=exchange.cache_hit_type,
        steps=tuple(step.as_json() for step in steps),
        attempts=tuple(attempts),
        session=dict(exchange.session),
        request_body=_stored_request(exchange.chat) if _stores(exchange) else None,
        **_who(exchange.caller),
        **_where(exchange.target),
        **_what(exchange, result),
        **_how_it_failed(failure),
    )


def _who(caller: Caller) -> dict[str, Any]:
    team_id = caller.team_ids[0] if caller.team_ids else ""
    return {
        "user_id": caller.user_id,
        "team_id": team_id,
        "api_key_id": caller.api_key_id,
        "virtual_key_id": caller.virtual_key_id,
        "key_prefix": caller.key_prefix,
    }


def _where(target: Target | None) -> dict[str, Any]:
    if target is None:
        return {}
    return {
        "target_id": target.id,
        "model_id": target.model.model_id,
        "model_def_key": target.model.definition_key,
        "provider": target.model.provider,
    }


def _what(exchange: Exchange, result: ChatResult | None) -> dict[str, Any]:
    if result is None:
        return {"dropped": tuple(exchange.dropped)}
    return {
        "price_version": result.price_version,
        "ttft_ms": result.ttft_ms,
        "finish_reason": result.finish_reason or "",
        "dropped": tuple(dict.fromkeys([*exchange.dropped, *result.dropped])),
        "response_text": result.text if _stores(exchange) else None,
    }


def _how_it_failed(failure: Failure | None) -> dict[str, Any]:
    if failure is None:
        return {}
    return {
        "error_code": failure.code,
        "error_message": _explained(failure),
        "http_status": failure.status,
    }


def _explained(failure: Failure) -> str:
    """The message, and what only the log may show."""
    detail = failure.detail if isinstance(failure, ProviderError) else ""
    return f"{failure.message}: {detail}" if detail else failure.message


def _stores(exchange: Exchange) -> bool:
    """Whether content is kept: the key says so, else the router."""
    rules, is_usual = exchange.caller.rules, exchange.plan.store_payloads
    return is_usual if rules is None else rules.stores(is_usual)


def _stored_request(chat: ChatRequest) -> dict[str, Any]:
    """The request as it left the stages: what they masked stays masked."""
    return asdict(chat.conversation) if chat.is_rewritten else chat.body


def _total(usages: list[Usage]) -> Usage:
    if len(usages) == 1:
        return usages[0]
    total = Usage()
    for usage in usages:
        for name in ("input", "output", "cached_input", "cache_write_input",
                     "cache_write_1h_input", "reasoning"):  # fmt: skip
            field = f"{name}_tokens"
            setattr(total, field, getattr(total, field) + getattr(usage, field))
        total.is_estimated = total.is_estimated or usage.is_estimated
    return total
