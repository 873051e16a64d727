"""The end of a request: what is told of it, once, in the words of the log."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from hyperstrate.events import AttemptMade, RoutedInference
from hyperstrate.router.settlement import settle
from hyperstrate.router.stage import Exchange
from hyperstrate.shared.chat import ChatResult, Usage
from hyperstrate.shared.errors import Blocked
from hyperstrate.shared.guards import Caller
from tests.router.conftest import (
    FakeInference,
    MakeExchange,
    answer,
    failure,
    make_chat,
    make_plan,
    make_target,
)

INFERENCE = FakeInference(answer())


@pytest.fixture
def exchange(make_exchange: MakeExchange) -> Exchange:
    """One that a target has answered."""
    caller = Caller("org_1", "api_key", key_id="key_1", user_id="usr_1", team_ids=("a", "b"))
    made = make_exchange(caller=caller, session={"agent": "cursor"})
    made.target = make_target()
    return made


def counted(**values: Any) -> ChatResult:
    """An answer whose provider said what was used."""
    return answer(**{"has_usage": True, "ttft_ms": 12.5, **values})


def test_a_good_answer_is_told_whole(exchange: Exchange, events: list[RoutedInference]) -> None:
    exchange.waited_ms = 5.0

    settle(exchange, INFERENCE, counted(dropped=["seed"]), None)

    (told,) = events
    assert told.id == exchange.id
    assert (told.org_id, told.router_id, told.router_name) == ("org_1", "rtr_1", "support")
    assert (told.source, told.status, told.http_status) == ("router", "success", 200)
    assert (told.error_code, told.error_message) == ("", "")
    assert (told.target_id, told.model_id) == ("tgt_one", "mdl_one")
    assert (told.model_def_key, told.provider) == ("openai.one", "OPENAI")
    assert (told.user_id, told.team_id, told.api_key_id) == ("usr_1", "a", "key_1")
    assert (told.usage, told.cost_usd, told.price_version) == (Usage(10, 5), Decimal(15), "1")
    assert (told.ttft_ms, told.finish_reason, told.dialect) == (12.5, "stop", "openai_chat")
    assert told.latency_ms >= 0
    assert (told.dropped, told.session) == (("seed",), {"agent": "cursor"})
    assert not told.is_stream
    (made,) = told.attempts
    assert (made.status, made.usage, made.cost_usd) == ("success", Usage(10, 5), Decimal(15))


def test_the_trace_says_model_tokens_and_cost(exchange: Exchange) -> None:
    usage = Usage(
        10, 5, cached_input_tokens=4, cache_write_input_tokens=2, cache_write_1h_input_tokens=1
    )

    settle(exchange, INFERENCE, counted(usage=usage), None)

    (step,) = exchange.steps
    assert step.detail == "openai.one · 10↑ 5↓ tok · 4 cached · 3 cache write · $15.00000"
    assert (step.name, step.outcome, step.phase) == ("Model Inference", "success", 6)


def test_a_failure_without_an_answer_costs_nothing_more(
    exchange: Exchange, events: list[RoutedInference]
) -> None:
    exchange.target = None

    settle(exchange, INFERENCE, None, failure("overloaded", status=529))

    (told,) = events
    assert (told.status, told.error_code, told.http_status) == ("error", "overloaded", 529)
    assert told.error_message == "the provider said overloaded"
    assert (told.usage, told.cost_usd) == (Usage(), Decimal(0))
    assert told.attempts == ()
    assert (told.target_id, told.model_def_key, told.finish_reason) == ("", "", "")


def test_an_answer_that_broke_off_is_paid_for(
    exchange: Exchange, events: list[RoutedInference]
) -> None:
    settle(exchange, INFERENCE, counted(finish_reason=None), failure("connection"))

    (told,) = events
    assert told.status == "error"
    assert told.usage.input_tokens == 10
    assert told.cost_usd > 0
    assert [made.error_code for made in told.attempts] == ["connection"]


def test_an_answer_that_we_refused_was_a_good_call(
    exchange: Exchange, events: list[RoutedInference]
) -> None:
    settle(exchange, INFERENCE, counted(), Blocked("no"))

    (told,) = events
    assert (told.status, told.error_code, told.http_status) == ("error", "content_blocked", 403)
    assert [made.status for made in told.attempts] == ["success"]
    assert told.cost_usd == 15


def test_a_cached_answer_costs_nothing(exchange: Exchange, events: list[RoutedInference]) -> None:
    exchange.cache_hit_type, exchange.target = "exact", None

    settle(exchange, INFERENCE, answer(), None)

    (told,) = events
    assert (told.cache_hit_type, told.usage, told.cost_usd) == ("exact", Usage(), Decimal(0))
    assert told.attempts == ()


def test_attempts_that_failed_are_part_of_the_bill(
    exchange: Exchange, events: list[RoutedInference]
) -> None:
    exchange.attempts.append(
        AttemptMade(
            id="att_1", target_id="tgt_0", model_id="mdl_0", status="error",
            usage=Usage(100, 0, is_estimated=True), latency_ms=3.0, cost_usd=Decimal("0.5"),
        )
    )  # fmt: skip

    settle(exchange, INFERENCE, counted(), None)

    (told,) = events
    assert (told.usage.input_tokens, told.usage.output_tokens) == (110, 5)
    assert told.usage.is_estimated
    assert told.cost_usd == Decimal("15.5")


def test_what_a_provider_did_not_count_is_estimated(
    exchange: Exchange, events: list[RoutedInference]
) -> None:
    result = answer("Good day", usage=Usage(), has_usage=False)

    settle(exchange, INFERENCE, result, None)

    assert events[0].usage == Usage(1, 2, is_estimated=True)


def test_zero_that_a_provider_counted_stays_zero(
    exchange: Exchange, events: list[RoutedInference]
) -> None:
    """Field 5: an explicit zero is no missing number."""
    settle(exchange, INFERENCE, answer("Good day", usage=Usage(), has_usage=True), None)

    assert events[0].usage == Usage()


@pytest.mark.parametrize("stores", [True, False])
def test_payloads_are_kept_where_the_router_says_so(
    make_exchange: MakeExchange, events: list[RoutedInference], stores: bool
) -> None:
    exchange = make_exchange(make_plan(store_payloads=stores), chat=make_chat("Hello"))
    exchange.target = make_target()

    settle(exchange, INFERENCE, counted(), None)

    (told,) = events
    assert told.request_body == (exchange.chat.body if stores else None)
    assert told.response_text == ("Good day" if stores else None)


def test_what_a_stage_masked_stays_masked_in_the_payload(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    exchange = make_exchange(make_plan(store_payloads=True), chat=make_chat("canary"))
    exchange.chat.edit().messages[0].parts[0].text = "[MASKED]"  # type: ignore[union-attr]

    settle(exchange, INFERENCE, None, Blocked("no"))

    assert "canary" not in repr(events[0].request_body)
    assert "[MASKED]" in repr(events[0].request_body)


def test_a_direct_call_has_no_router(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    exchange = make_exchange(replace(make_plan(), router_id="", name=""))

    settle(exchange, INFERENCE, None, failure())

    assert (events[0].source, events[0].router_id) == ("direct", "")


def test_the_steps_come_in_the_order_of_their_beginnings(
    exchange: Exchange, events: list[RoutedInference]
) -> None:
    exchange.step("a", "Late", "done", phase=1, since_ms=7.0)
    exchange.step("b", "Early", "done", phase=1, since_ms=1.0)

    settle(exchange, INFERENCE, None, failure())

    assert [step["name"] for step in events[0].steps] == ["Early", "Late"]


def test_an_answer_from_a_cache_is_free_in_the_log_and_counts_for_the_client(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    exchange = make_exchange(cache_hit_type="exact", target=make_target())
    told = answer("Good day", usage=Usage(9, 4), has_usage=True)
    untold = answer("Good day", usage=Usage())

    settle(exchange, INFERENCE, told, None)
    settle(exchange, INFERENCE, untold, None)

    assert [(event.usage, event.cost_usd) for event in events] == [(Usage(), Decimal(0))] * 2
    assert events[0].cache_hit_type == "exact"
    assert told.usage == Usage(9, 4)
    assert untold.usage == Usage(1, 2, is_estimated=True)


def test_the_log_keeps_what_the_client_is_not_shown(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    error = failure("server_error", detail="Bad gateway, cell 7")

    settle(make_exchange(), INFERENCE, None, error)

    assert events[0].error_message == "the provider said server_error: Bad gateway, cell 7"
    assert "cell 7" not in error.message
