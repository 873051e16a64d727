"""Retry: only what may pass, with growing waits, never for a client that has gone."""

from __future__ import annotations

import random
from threading import Timer
from time import monotonic
from typing import Any

import pytest

from hyperstrate.router.features.retry import MAX_WAIT_S, Config, Retry
from hyperstrate.shared.errors import ProviderError, ProviderErrorKind
from tests.router.conftest import Attempts, MakeExchange, answer, failure


def _retry(**config: Any) -> Retry:
    return Retry(Config(**{"initial_delay_ms": 1, **config}))


def test_repeats_until_the_target_answers(make_exchange: MakeExchange) -> None:
    exchange = make_exchange()
    attempts = Attempts(failure("timeout"), failure("overloaded"), answer())

    result = _retry().around(exchange, exchange.targets[0], attempts)

    assert result.text == "Good day"
    assert attempts.called == ["tgt_one"] * 3
    assert [
        (step.phase, step.kind, step.name, step.outcome, step.detail, step.attempts)
        for step in exchange.steps
    ] == [
        (6, "inference", "Model Inference", "retry", "timeout", 1),
        (6, "inference", "Model Inference", "retry", "overloaded", 2),
    ]
    assert exchange.waited_ms > 0


def test_gives_the_last_error_when_all_calls_fail(make_exchange: MakeExchange) -> None:
    exchange = make_exchange()
    attempts = Attempts(failure("timeout"), failure("connection"))

    with pytest.raises(ProviderError, match="connection"):
        _retry(max_retries=2).around(exchange, exchange.targets[0], attempts)

    assert len(attempts.called) == 3


@pytest.mark.parametrize(
    "kind",
    ["bad_request", "authentication", "permission", "not_found", "too_large", "circuit_open"],
)
def test_does_not_repeat_what_will_not_pass(
    make_exchange: MakeExchange, kind: ProviderErrorKind
) -> None:
    """Complaint 26 of the original: client errors were retried."""
    exchange = make_exchange()
    attempts = Attempts(failure(kind))

    with pytest.raises(ProviderError):
        _retry().around(exchange, exchange.targets[0], attempts)

    assert len(attempts.called) == 1


def test_no_retries_means_one_call(make_exchange: MakeExchange) -> None:
    exchange = make_exchange()
    attempts = Attempts(failure())

    with pytest.raises(ProviderError):
        _retry(max_retries=0).around(exchange, exchange.targets[0], attempts)

    assert len(attempts.called) == 1


def test_waits_at_least_as_long_as_the_provider_asks(make_exchange: MakeExchange) -> None:
    """Complaint 26 of the field: Retry-After was ignored."""
    exchange = make_exchange()
    attempts = Attempts(failure("rate_limited", retry_after_s=0.2), answer())
    began = monotonic()

    _retry().around(exchange, exchange.targets[0], attempts)

    assert monotonic() - began >= 0.2


def test_leaves_a_long_wait_to_a_fallback(make_exchange: MakeExchange) -> None:
    exchange = make_exchange()
    attempts = Attempts(failure("rate_limited", retry_after_s=MAX_WAIT_S + 1))

    with pytest.raises(ProviderError):
        _retry().around(exchange, exchange.targets[0], attempts)

    assert len(attempts.called) == 1


def test_the_wait_grows_with_jitter_up_to_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyperstrate.router.features.retry.draw", random.Random(7))
    retry = Retry(Config(initial_delay_ms=1000, backoff_multiplier=2.0))

    waits = [[retry._wait_s(tried, failure()) or 0 for _ in range(50)] for tried in range(8)]

    for tried, seconds in enumerate([1, 2, 4, 8, 16, MAX_WAIT_S, MAX_WAIT_S, MAX_WAIT_S]):
        assert all(seconds / 2 <= wait <= seconds for wait in waits[tried])
        assert max(waits[tried]) - min(waits[tried]) > seconds / 4


def test_a_client_that_goes_ends_the_wait(make_exchange: MakeExchange) -> None:
    exchange = make_exchange()
    attempts = Attempts(failure())
    goes = Timer(0.05, exchange.cancellation.cancel)
    goes.start()
    began = monotonic()

    with pytest.raises(ProviderError):
        _retry(initial_delay_ms=10_000).around(exchange, exchange.targets[0], attempts)
    goes.join()

    assert monotonic() - began < 4
    assert len(attempts.called) == 1


def test_makes_no_call_for_a_client_that_has_gone(make_exchange: MakeExchange) -> None:
    exchange = make_exchange()
    attempts = Attempts(failure())
    exchange.cancellation.cancel()

    with pytest.raises(ProviderError):
        _retry().around(exchange, exchange.targets[0], attempts)

    assert len(attempts.called) == 1
