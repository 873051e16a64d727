"""A line of the spool becomes rows that every database takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from hyperstrate.events import AttemptMade
from hyperstrate.observability import rows
from hyperstrate.observability.recorder import line_of
from hyperstrate.shared.chat import Usage
from tests.observability.installation import ACME, make_event


def test_an_event_keeps_what_it_used_cost_and_took() -> None:
    usage = Usage(100, 50, 40, 5, 3, 20, is_estimated=True)
    event = make_event(usage=usage, ttft_ms=12.6, target_id="rtgt_1", http_status=201)

    log = rows.read(line_of(event)).log

    assert log["created_at"] == datetime.fromtimestamp(1_790_000_000.25, UTC)
    assert log["cost_usd"] == Decimal("0.0000012345")
    assert (log["latency_ms"], log["overhead_ms"], log["ttft_ms"]) == (100, 0.75, 13)
    assert (log["total_tokens"], log["cached_input_tokens"]) == (150, 40)
    assert (log["cache_write_input_tokens"], log["cache_write_1h_input_tokens"]) == (5, 3)
    assert (log["reasoning_tokens"], log["usage_is_estimated"]) == (20, True)
    assert (log["selected_target_id"], log["http_status"]) == ("rtgt_1", 201)


def test_steps_attempts_and_what_was_dropped_are_kept() -> None:
    attempt = AttemptMade("att_1", "rtgt_1", "mdl_1", "error", Usage(), 3.5, error_code="timeout")
    event = make_event(
        steps=({"kind": "retry", "durationMs": 1.5},), attempts=(attempt,), dropped=("top_k",)
    )

    log = rows.read(line_of(event)).log

    assert orjson.loads(log["pipeline_trace"]) == [{"kind": "retry", "durationMs": 1.5}]
    assert log["attempts"][0]["error_code"] == "timeout"
    assert log["attempts"][0]["cost_usd"] == "0"
    assert log["dropped"] == ["top_k"]


def test_a_payload_is_there_only_when_it_is_to_be_stored() -> None:
    stored = make_event(request_body={"model": "m"}, response_text="hello")

    payload = rows.read(line_of(stored)).payload

    assert rows.read(line_of(make_event())).payload is None
    assert payload
    assert (payload["org_id"], payload["request_fields"]) == (ACME, '{"model":"m"}')
    assert payload["response_content"] == "hello"


@pytest.mark.parametrize(
    ("said", "turn"),
    [("7", 7), (7, 7), (10**30, 0), (-1, 0), (True, 0), ("x", 0), ([1], 0), ("²", 0)],
)
def test_no_turn_index_keeps_a_request_out(said: object, turn: int) -> None:
    event = make_event(session={"turn_index": said, "agent": "co\x00dex", "session_id": "s" * 999})

    log = rows.read(line_of(event)).log

    assert log["turn_index"] == turn
    assert log["agent"] == "co\ufffddex"
    assert log["agent_session_id"] == "s" * 200


def test_text_that_is_not_unicode_is_replaced() -> None:
    event = make_event(error_message="bad \udcff byte", error_code="bad_answer")

    assert rows.read(line_of(event)).log["error_message"] == "bad ? byte"


@pytest.mark.parametrize("change", [{"id": ""}, {"org_id": ""}, {"cost_usd": "much"}, {"at": None}])
def test_a_line_without_what_matters_is_refused(change: dict[str, Any]) -> None:
    line = line_of(replace(make_event(), **change))

    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        rows.read(line)
