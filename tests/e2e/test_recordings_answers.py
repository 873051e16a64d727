"""Every recorded answer through the running gateway to a client of the other dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from anthropic import Anthropic
from anthropic.types import Message
from openai import OpenAI
from openai.types.chat import ChatCompletion

from tests.anthropic_streams import judge, message_of
from tests.e2e.judges import misshaped_openai_stream
from tests.e2e.recorded import (
    ABSENT,
    Json,
    Played,
    Recording,
    Stage,
    everything,
    parameters,
    payloads_of,
)
from tests.e2e.telling import (
    answer_of_anthropic,
    answer_of_openai,
    besides_in_answer,
    finish_told,
    told_in_answer,
    usage_told,
    used,
)

pytestmark = ABSENT
BROKEN = "openrouter/test_openrouter_stream_error-0.sse"
CHATS = [it for it in everything() if it.kind != "embeddings" and it.name != BROKEN]
TO_ANTHROPIC = [it for it in CHATS if it.provider != "anthropic" and it.status == 200]
TO_OPENAI = [it for it in CHATS if it.provider == "anthropic" and it.status == 200]
REFUSALS = [it for it in CHATS if it.status != 200]
ASK: Json = {"messages": [{"role": "user", "content": "Hi"}]}
OPENAI_ENDS = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}
ANTHROPIC_ENDS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


@pytest.fixture(scope="module")
def anthropic_clients(stage: Stage) -> Iterator[dict[str, Anthropic]]:
    """A client of each router that streams."""
    definitions = {recording.definition for recording in TO_ANTHROPIC if recording.is_stream}
    clients = {
        it: Anthropic(base_url=stage.url(it), api_key=stage.key, max_retries=0)
        for it in definitions
    }
    yield clients
    for client in clients.values():
        client.close()


def asked_by_anthropic(stage: Stage, recording: Recording) -> Played:
    body = {**ASK, "model": "any", "max_tokens": 100, "stream": recording.is_stream}
    return stage.call(recording.definition, "messages", body, recording.answer())


def asked_by_openai(stage: Stage, recording: Recording) -> Played:
    body = {**ASK, "model": "any", "stream": recording.is_stream}
    if recording.is_stream:
        body["stream_options"] = {"include_usage": True}
    return stage.call(recording.definition, "chat/completions", body, recording.answer())


@pytest.mark.parametrize("recording", parameters(it for it in TO_ANTHROPIC if not it.is_stream))
def test_an_openai_answer_reaches_an_anthropic_client(stage: Stage, recording: Recording) -> None:
    reply = asked_by_anthropic(stage, recording).reply

    message = Message.model_validate(reply.json)
    assert told_in_answer(answer_of_anthropic(reply.json)) == expected_of_openai(recording)
    assert_same_usage(reply.json["usage"], recording)
    assert message.stop_reason == ANTHROPIC_ENDS[finish_told(recording)]
    assert message.id == recording.json["id"]
    own = ("role", "content", "refusal", "tool_calls", "reasoning", "reasoning_content")
    said = recording.json["choices"][0]["message"]
    assert reply.dropped == {name for name in said if said[name] and name not in own}


@pytest.mark.parametrize("recording", parameters(it for it in TO_ANTHROPIC if it.is_stream))
def test_an_openai_stream_reaches_an_anthropic_client(stage: Stage, recording: Recording) -> None:
    payloads = payloads_of(asked_by_anthropic(stage, recording).reply.body)

    judge(payloads)
    message = message_of(payloads)
    Message.model_validate(message)
    assert told_in_answer(answer_of_anthropic(message)) == expected_of_openai(recording)
    assert_same_usage(message["usage"], recording)
    assert message["stop_reason"] == ANTHROPIC_ENDS[finish_told(recording)]


@pytest.mark.parametrize("recording", parameters(it for it in TO_ANTHROPIC if it.is_stream))
def test_the_anthropic_sdk_accumulates_an_openai_stream(
    stage: Stage, anthropic_clients: dict[str, Anthropic], recording: Recording
) -> None:
    stage.provider.answers(recording.answer())
    messages = anthropic_clients[recording.definition].messages
    with messages.stream(model="any", max_tokens=100, messages=ASK["messages"]) as stream:
        message = stream.get_final_message()

    said = answer_of_anthropic(message.to_dict())
    assert told_in_answer(said) == expected_of_openai(recording)
    assert message.stop_reason == ANTHROPIC_ENDS[finish_told(recording)]


@pytest.mark.parametrize("recording", parameters(it for it in TO_OPENAI if not it.is_stream))
def test_an_anthropic_answer_reaches_an_openai_client(stage: Stage, recording: Recording) -> None:
    reply = asked_by_openai(stage, recording).reply

    completion = ChatCompletion.model_validate(reply.json)
    told = answer_of_openai(reply.json["choices"][0]["message"])
    expected = answer_of_anthropic(recording.json)
    assert told_in_answer(told) == told_in_answer(expected)
    assert reply.dropped == besides_in_answer(recording.json["content"])
    assert_same_usage(reply.json["usage"], recording)
    assert completion.choices[0].finish_reason == OPENAI_ENDS[finish_told(recording)]
    assert completion.id == recording.json["id"]


@pytest.mark.parametrize("recording", parameters(it for it in TO_OPENAI if it.is_stream))
def test_an_anthropic_stream_reaches_an_openai_client(
    stage: Stage, openai_to_claude: OpenAI, recording: Recording
) -> None:
    body = asked_by_openai(stage, recording).reply.body
    stage.provider.answers(recording.answer())
    with openai_to_claude.chat.completions.stream(model="any", messages=ASK["messages"]) as stream:
        completion = stream.get_final_completion()

    assert misshaped_openai_stream(body) == []
    expected = told_in_answer(answer_of_anthropic(message_of(recording.payloads)))
    said = completion.choices[0].message.to_dict()
    assert told_in_answer(answer_of_openai(said)) == expected
    assert_same_usage(payloads_of(body)[-1]["usage"], recording)
    assert completion.choices[0].finish_reason == OPENAI_ENDS[finish_told(recording)]


@pytest.mark.parametrize("recording", parameters(REFUSALS))
def test_a_refusal_keeps_its_status_and_words(stage: Stage, recording: Recording) -> None:
    is_anthropic = recording.provider == "anthropic"
    ask = asked_by_openai if is_anthropic else asked_by_anthropic

    reply = ask(stage, recording).reply

    assert reply.status == recording.status
    assert reply.json["error"]["message"] == recording.json["error"]["message"]
    assert reply.json.get("type") == (None if is_anthropic else "error")


def expected_of_openai(recording: Recording) -> list[Any]:
    if recording.is_stream:
        return told_in_answer(answer_of_openai(accumulated(recording.payloads)))
    return told_in_answer(answer_of_openai(recording.json["choices"][0]["message"]))


def accumulated(payloads: list[Json]) -> Json:
    """The message of a recorded stream."""
    message: Json = {"role": "assistant", "content": "", "reasoning": "", "tool_calls": []}
    calls: list[Json] = message["tool_calls"]
    for choice in (choice for payload in payloads for choice in payload["choices"]):
        delta = choice["delta"]
        message["content"] += delta.get("content") or ""
        message["reasoning"] += delta.get("reasoning") or ""
        for piece in delta.get("tool_calls") or ():
            if piece["index"] == len(calls):
                calls.append({"id": piece["id"], "function": {**piece["function"]}})
            else:
                call = calls[piece["index"]]["function"]
                call["arguments"] += piece["function"]["arguments"]
    return message


def assert_same_usage(said: Json, recording: Recording) -> None:
    """All that the client's dialect has a field for; what was written is told as one number."""
    got, told = used(said), usage_told(recording)
    written = "cacheWriteInputTokens", "cacheWrite1hInputTokens"
    assert sum(got.pop(name) for name in written) == sum(told.pop(name) for name in written)
    assert got == told
