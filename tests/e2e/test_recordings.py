"""Every recorded call through the running gateway, its client speaking the provider's dialect."""

from __future__ import annotations

from decimal import Decimal

import orjson
import pytest

from hyperstrate.ai.catalog import get as definition
from tests.e2e.recorded import (
    ABSENT,
    Json,
    Recording,
    Stage,
    everything,
    parameters,
)
from tests.e2e.telling import finish_told, usage_told

pytestmark = [ABSENT, pytest.mark.xdist_group("recordings")]
BROKEN = "openrouter/test_openrouter_stream_error-0.sse"
EVERYTHING = everything()
WHOLE = [it for it in EVERYTHING if it.name != BROKEN]
ANSWERED = [it for it in EVERYTHING if it.status == 200]
STREAMS = [it for it in WHOLE if it.is_stream and it.kind == "chat/completions"]


@pytest.fixture(scope="module")
def logs(stage: Stage) -> dict[str, Json]:
    """The log line of every recording."""
    for recording in EVERYTHING:
        stage.play(recording)
    return stage.logs()


@pytest.mark.parametrize("recording", parameters(EVERYTHING))
def test_the_provider_gets_the_request_as_it_was_sent(stage: Stage, recording: Recording) -> None:
    played = stage.play(recording)

    expected = {**recording.request, "model": definition(recording.definition).model_id}
    if recording.request.get("stream") and recording.kind == "chat/completions":
        options = recording.request.get("stream_options") or {}
        expected["stream_options"] = {**options, "include_usage": True}
    assert played.request.json == expected
    assert played.request.path.endswith(recording.path.partition("?")[0])
    assert "x-hyperstrate-dropped" not in played.reply.headers


@pytest.mark.parametrize("recording", parameters(WHOLE))
def test_the_client_gets_the_answer_byte_for_byte(stage: Stage, recording: Recording) -> None:
    reply = stage.play(recording).reply

    assert reply.status == recording.status
    assert reply.body == recording.body
    kind = recording.headers["content-type"].partition(";")[0]
    assert reply.headers["content-type"].partition(";")[0] == kind


def test_an_error_inside_a_stream_ends_it_in_the_providers_words(stage: Stage) -> None:
    recording = next(it for it in EVERYTHING if it.name == BROKEN)

    reply = stage.play(recording).reply

    events = recording.body.split(b"\n\n")
    place = next(place for place, event in enumerate(events) if b'"error":' in event)
    before = b"\n\n".join(events[:place]) + b"\n\n"
    assert reply.body.startswith(before)
    assert orjson.loads(reply.body[len(before) :].removeprefix(b"data: ")) == {
        "error": {"code": 400, "message": "Token limit reached"}
    }


@pytest.mark.parametrize("recording", parameters(STREAMS))
def test_usage_that_the_client_did_not_ask_for_stays_here(
    stage: Stage, recording: Recording
) -> None:
    body = {key: value for key, value in recording.request.items() if key != "stream_options"}

    played = stage.call(recording.definition, recording.kind, body, recording.answer())

    events = [event + b"\n\n" for event in recording.body.split(b"\n\n") if event]
    assert played.request.json["stream_options"] == {"include_usage": True}
    assert played.reply.body == b"".join(it for it in events if b'"choices":[],' not in it)


@pytest.mark.parametrize("recording", parameters(EVERYTHING))
def test_the_log_tells_how_it_ended(logs: dict[str, Json], recording: Recording) -> None:
    line = logs[recording.name]

    is_good = recording.status == 200 and recording.name != BROKEN
    assert line["status"] == ("success" if is_good else "error")
    assert line["httpStatus"] == (400 if recording.name == BROKEN else recording.status)
    assert line["finishReason"] == finish_told(recording)
    assert line["isStream"] is recording.is_stream
    assert line["dropped"] == []


@pytest.mark.parametrize("recording", parameters(ANSWERED))
def test_the_log_tells_what_was_used_and_what_it_costs(
    logs: dict[str, Json], recording: Recording
) -> None:
    line, told = logs[recording.name], usage_told(recording)

    assert {name: line[name] for name in told} == told
    assert line["usageIsEstimated"] is False
    assert line["costUsd"] == pytest.approx(float(cost_of(recording.definition, told)))
    assert line["costUsd"] > 0


def cost_of(key: str, used: dict[str, int]) -> Decimal:
    """The catalog's prices times what was used."""
    prices = definition(key).prices
    assert prices is not None
    rates = prices.rates(used["inputTokens"])
    kinds: dict[str, Decimal] = {
        "cachedInputTokens": rates.cached_input,
        "cacheWriteInputTokens": rates.cache_write,
        "cacheWrite1hInputTokens": rates.cache_write_1h,
    }
    fresh = used["inputTokens"] - sum(used[kind] for kind in kinds)
    total = fresh * rates.input + used["outputTokens"] * rates.output
    total += sum((used[kind] * rate for kind, rate in kinds.items()), Decimal(0))
    return total / 1_000_000
