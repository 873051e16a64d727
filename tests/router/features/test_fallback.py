"""Fallback: the next target, when another target could do better."""

from __future__ import annotations

import pytest

from hyperstrate.router.features.fallback import Config, Fallback
from hyperstrate.router.features.retry import Config as RetryConfig
from hyperstrate.router.features.retry import Retry
from hyperstrate.router.stage import Exchange
from hyperstrate.shared.chat import ChatResult
from hyperstrate.shared.errors import ProviderError, ProviderErrorKind
from tests.router.conftest import Attempts, MakeExchange, answer, failure, make_plan, make_target


@pytest.fixture
def exchange(make_exchange: MakeExchange) -> Exchange:
    return make_exchange(plan=make_plan([make_target(name) for name in "abc"]))


def _run(exchange: Exchange, attempts: Attempts, *, first: int = 0) -> ChatResult:
    return Fallback(Config()).around(exchange, exchange.targets[first], attempts)


@pytest.mark.parametrize(
    "kind",
    ["timeout", "connection", "server_error", "overloaded", "rate_limited", "incomplete",
     "bad_answer", "circuit_open", "authentication", "permission", "not_found", "unsupported"],
)  # fmt: skip
def test_tries_the_next_target(exchange: Exchange, kind: ProviderErrorKind) -> None:
    attempts = Attempts(failure(kind), answer("from b"))

    result = _run(exchange, attempts)

    assert result.text == "from b"
    assert attempts.called == ["tgt_a", "tgt_b"]
    step = exchange.steps[0]
    assert (step.phase, step.kind, step.name, step.outcome) == (
        6, "target_select", "Target Selection", "fallback",
    )  # fmt: skip
    assert step.detail == f"openai.b after {kind}"


@pytest.mark.parametrize("kind", ["bad_request", "too_large", "cancelled"])
def test_what_the_client_did_is_not_tried_elsewhere(
    exchange: Exchange, kind: ProviderErrorKind
) -> None:
    attempts = Attempts(failure(kind))

    with pytest.raises(ProviderError) as error:
        _run(exchange, attempts)

    assert error.value.kind == kind
    assert attempts.called == ["tgt_a"]


def test_a_used_up_quota_is_tried_elsewhere_though_it_is_not_retryable(exchange: Exchange) -> None:
    attempts = Attempts(failure("rate_limited", retryable=False), answer())

    _run(exchange, attempts)

    assert attempts.called == ["tgt_a", "tgt_b"]


def test_goes_on_from_the_given_target(exchange: Exchange) -> None:
    attempts = Attempts(failure(), answer())

    _run(exchange, attempts, first=1)

    assert attempts.called == ["tgt_b", "tgt_c"]


def test_a_target_from_elsewhere_is_tried_before_the_listed_ones(exchange: Exchange) -> None:
    attempts = Attempts(failure(), answer())

    Fallback(Config()).around(exchange, make_target("chosen"), attempts)

    assert attempts.called == ["tgt_chosen", "tgt_a"]


def test_says_when_all_failed_and_how_long_to_wait(exchange: Exchange) -> None:
    """Complaint 26 of the field: no Retry-After when every target was cooling down."""
    attempts = Attempts(
        failure("rate_limited", retry_after_s=30),
        failure("rate_limited", retry_after_s=7),
        failure("timeout"),
    )

    with pytest.raises(ProviderError) as error:
        _run(exchange, attempts)

    assert (error.value.status, error.value.code) == (502, "all_targets_failed")
    assert error.value.retry_after_s == 7
    assert error.value.message == "all targets failed; the last one: the provider said timeout"


def test_a_single_targets_own_error_is_given_as_it_is(make_exchange: MakeExchange) -> None:
    exchange = make_exchange(plan=make_plan([make_target("a")]))
    attempts = Attempts(failure("rate_limited", retry_after_s=30, body=b"{}"))

    with pytest.raises(ProviderError) as error:
        _run(exchange, attempts)

    assert (error.value.status, error.value.body) == (429, b"{}")


def test_stops_when_the_client_has_gone(exchange: Exchange) -> None:
    exchange.cancellation.cancel()
    attempts = Attempts(failure("connection"))

    with pytest.raises(ProviderError, match="connection"):
        _run(exchange, attempts)

    assert attempts.called == ["tgt_a"]


def test_each_target_is_retried_before_the_next(exchange: Exchange) -> None:
    retry = Retry(RetryConfig(max_retries=1, initial_delay_ms=0))
    attempts = Attempts(failure(), failure(), failure("authentication"), answer())

    Fallback(Config()).around(
        exchange, exchange.targets[0], lambda target: retry.around(exchange, target, attempts)
    )

    assert attempts.called == ["tgt_a", "tgt_a", "tgt_b", "tgt_c"]
