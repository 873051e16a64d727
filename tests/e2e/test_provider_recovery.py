"""What a provider failed to answer is asked again, or elsewhere; who keeps failing is left alone.

Complaints 14, 16, 18 and 26 of the field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import answers
from tests.e2e.failing import (
    ANTHROPIC,
    HELLO,
    OPENAI,
    PATHS,
    ask,
    key_of,
    model_at,
    refused,
    words_of,
)
from tests.e2e.gateway import Admin, Gateway
from tests.upstreams import Answer, Provider

# Time enough for a good answer, on a busy machine too.
PATIENT = {"firstByteTimeoutSecs": 1.0}
CAREFUL: dict[str, Any] = {"retry": {"initial_delay_ms": 1}, "fallback": {}}
CURABLE: dict[str, Answer] = {
    "reset": answers.reset(),
    "silent": answers.silent(),
    "500": answers.error(500, "Boom"),
    "529": answers.error(529, "Overloaded"),
    "HTML with 200": answers.html(),
    "429": answers.rate_limited(0.01),
    "truncated": answers.truncated({"choices": []}),
    "cut before a word": answers.sse(HELLO[:1], ending="cut"),
    "broken JSON": answers.sse([*HELLO[:1], b"data: {oops\n\n"]),
    "broken framing": answers.sse(HELLO[:1], ending="malformed"),
}


@pytest.fixture
def second() -> Iterator[Provider]:
    """Another provider, for what the first one leaves undone."""
    with Provider() as started:
        yield started


@pytest.mark.parametrize("fault", CURABLE)
def test_before_the_first_word_a_stream_is_repeated(
    gateway: Gateway, admin: Admin, provider: Provider, fault: str
) -> None:
    model = model_at(admin, provider.url, timeouts=PATIENT)
    key = key_of(admin, model, retry={"initial_delay_ms": 1, "max_retries": 1})
    good = answers.sse(answers.openai_events("Hel", "lo"), headers={"connection": "close"})
    for path in PATHS:
        provider.answers(CURABLE[fault], good)

        _, headers, content = ask(gateway, key, path, stream=True)

        assert words_of(path, content) == "Hello"
        assert b"error" not in content
        log = admin.log(headers["x-hyperstrate-request-id"])
        assert [attempt["status"] for attempt in log["attempts"]] == ["error", "success"]
        assert "retry" in {step["outcome"] for step in log["pipelineSteps"]}


@pytest.mark.parametrize(("path", "stream"), [(OPENAI, True), (ANTHROPIC, True), (OPENAI, False)])
def test_another_target_answers_for_one_that_fails_complaints_14_and_16(
    gateway: Gateway, admin: Admin, provider: Provider, second: Provider, path: str, stream: bool
) -> None:
    second.always(answers.openai_stream("Hel", "lo") if stream else answers.openai("Hello"))
    good = model_at(admin, second.url)
    key = key_of(admin, model_at(admin, provider.url, timeouts=PATIENT), good)
    faults = [CURABLE[name] for name in ("cut before a word", "silent", "500")]
    for fault in faults:
        provider.answers(fault)

        _, headers, content = ask(gateway, key, path, stream=stream)

        assert b"error" not in content
        if stream:
            assert words_of(path, content) == "Hello"
        log = admin.log(headers["x-hyperstrate-request-id"])
        assert log["modelId"] == good
        assert [attempt["status"] for attempt in log["attempts"]] == ["error", "success"]
    assert len(second.requests) == len(faults)


def test_what_is_the_clients_own_fault_is_not_repeated(
    gateway: Gateway, admin: Admin, provider: Provider
) -> None:
    provider.always(answers.error(400, "Your fault"))
    models = [model_at(admin, provider.url) for _ in range(2)]

    status, _, content = ask(gateway, key_of(admin, *models, **CAREFUL), OPENAI, stream=True)

    assert status == 400
    assert b"Your fault" in content
    assert len(provider.requests) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_five_failures_open_the_circuit_complaint_26(
    gateway: Gateway, admin: Admin, second: Provider, stream: bool
) -> None:
    second.always(answers.error(500, "Boom"))
    key = key_of(admin, model_at(admin, second.url))

    failures = [refused(gateway, admin, key, OPENAI, stream=stream) for _ in range(5)]
    left_alone = [refused(gateway, admin, key, path, stream=stream) for path in PATHS]

    assert [found.status for found in failures] == [500] * 5
    assert len(second.requests) == 5
    for found in left_alone:
        assert found.status == 503
        assert 1 <= int(found.headers["retry-after"]) <= 30


def test_another_target_takes_over_while_the_circuit_is_open(
    gateway: Gateway, admin: Admin, provider: Provider, second: Provider
) -> None:
    second.always(answers.error(500, "Boom"))
    key = key_of(admin, model_at(admin, second.url), model_at(admin, provider.url))
    provider.answers(*[answers.openai("Hello")] * 8)

    statuses = [ask(gateway, key, OPENAI, stream=False)[0] for _ in range(8)]

    assert statuses == [200] * 8
    assert len(second.requests) == 5


def test_a_model_called_directly_has_a_circuit_of_its_own(
    gateway: Gateway, admin: Admin, provider: Provider, second: Provider
) -> None:
    provider.always(answers.error(500, "Boom"))
    second.always(answers.openai("Hello"))
    broken_model, good_model = model_at(admin, provider.url), model_at(admin, second.url)
    key = admin.key()
    for _ in range(6):
        ask(gateway, key, f"/proxy/ai/{broken_model}{OPENAI}", stream=False)

    status, _, _ = ask(gateway, key, f"/proxy/ai/{good_model}{OPENAI}", stream=False)

    assert len(provider.requests) == 5
    assert status == 200
