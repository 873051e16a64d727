from __future__ import annotations

from typing import Any

import orjson
import pytest

from hyperstrate.ai.providers.openai import FAMILY, OpenAI
from hyperstrate.router.wires.openai_embeddings import OpenAIEmbeddings
from hyperstrate.shared.chat import (
    ChatRequest,
    ChatResult,
    Conversation,
    Dialect,
    Json,
    Text,
    Thinking,
    Usage,
)
from hyperstrate.shared.errors import ProviderError
from tests.openai_calls import read


def ask() -> ChatRequest:
    return read({"messages": [{"role": "user", "content": "Hi"}]})


def result(body: Any) -> ChatResult:
    return OpenAI("OPENAI").result(orjson.dumps(body), ask())


def completion(message: Json, *, finish: Any = "stop", **more: Any) -> Json:
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], **more}


def test_an_answer_is_read_part_by_part() -> None:
    call: Json = {
        "id": "c1", "type": "function", "index": 0,
        "function": {"name": "look", "arguments": '{"a":  1}'},
    }  # fmt: skip
    message = {"content": "Yes", "reasoning_content": "Hm", "tool_calls": [call]}
    other = {"index": 1, "message": {"content": "No"}, "finish_reason": "stop"}
    body = completion(message, id="x", model="m", usage={"prompt_tokens": 3})
    body["choices"].insert(0, other)

    read = result(body)

    assert read.parts[:2] == [Thinking("Hm"), Text("Yes")]
    assert read.tool_calls[0].arguments == '{"a":  1}'
    assert read.others == [[Text("No")]]
    assert (read.finish_reason, read.finish_detail) == ("tool_calls", "stop")
    assert (read.id, read.model, read.usage.input_tokens) == ("x", "m", 3)


def test_a_refusal_is_a_reason() -> None:
    read = result(completion({"content": None, "refusal": "I cannot."}))

    assert (read.text, read.finish_reason, read.finish_detail) == ("I cannot.", "refusal", "stop")


def counted(inputs: Json | None = None, thought: int = 0, **more: int) -> Json:
    """A usage of 9 tokens in and 4 out."""
    details = {"reasoning_tokens": thought}
    return {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "prompt_tokens_details": inputs,
        "completion_tokens_details": details,
        **more,
    }


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (counted({"cached_tokens": 2}), Usage(9, 4, cached_input_tokens=2)),
        (counted(prompt_cache_hit_tokens=2), Usage(9, 4, cached_input_tokens=2)),
        (counted(num_cached_tokens=2), Usage(9, 4, cached_input_tokens=2)),
        (counted({"cache_write_tokens": 3}), Usage(9, 4, cache_write_input_tokens=3)),
        (counted(thought=3, total_tokens=13), Usage(9, 4, reasoning_tokens=3)),
        (counted(thought=3, total_tokens=16), Usage(9, 7, reasoning_tokens=3)),
        ({"prompt_tokens": None, "prompt_tokens_details": 1}, Usage()),
        (counted({"cached_tokens": -2}), Usage(9, 4)),
        *(
            ({"prompt_tokens": 9, "completion_tokens": odd}, Usage(is_estimated=True))
            for odd in (-1, "4", 4.0, 2**53 + 1, True, [4])
        ),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage()),
    ],
)
def test_every_providers_counting_is_understood(said: Json, usage: Usage) -> None:
    read = result(completion({"content": "Yes"}, usage=said))

    assert read.usage == usage
    assert read.has_usage


def test_silence_about_usage_is_not_zero() -> None:
    assert not result(completion({"content": "Yes"})).has_usage
    assert not result(completion({"content": "Yes"}, usage=None)).has_usage


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"text"',
        b"{}",
        b'{"choices":[]}',
        b'{"choices":{}}',
        b'{"choices":[1]}',
        b'{"choices":[{"message":"Hi"}]}',
        b'{"choices":[{"message":{"content":7}}]}',
        b'{"choices":[{"message":{"tool_calls":[{}]}}]}',
        b'{"choices":[{"message":',
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error_that_keeps_it(body: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        OpenAI("OPENAI").result(body, ask())

    assert (caught.value.kind, caught.value.status) == ("bad_answer", 502)
    assert (caught.value.body, caught.value.dialect) == (body, None)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ({"error": {"code": 429, "message": "slow down"}}, "rate_limited", 429),
        ({"error": {"message": "slow down"}}, "server_error", 502),
        ({"error": "slow down"}, "server_error", 502),
        (
            {
                "choices": [
                    {"error": {"code": 503, "message": "slow down"}, "message": {"content": ""}}
                ]
            },
            "overloaded",
            503,
        ),
    ],
)
def test_an_error_inside_a_200_is_an_error(body: Json, kind: str, status: int) -> None:
    with pytest.raises(ProviderError, match="slow down") as caught:
        result(body)

    assert (caught.value.kind, caught.value.status) == (kind, status)


def test_an_answer_that_the_provider_broke_off_is_an_error() -> None:
    with pytest.raises(ProviderError) as caught:
        result(completion({"content": "Ye"}, finish="insufficient_system_resource"))

    assert caught.value.retryable


@pytest.mark.parametrize("body", [b"x", b"{}", b'{"data":7}', b'{"error":{"message":"no"}}'])
def test_embeddings_that_cannot_be_read_are_an_error(body: bytes) -> None:
    chat = OpenAIEmbeddings().read({"input": "x"}).chat

    with pytest.raises(ProviderError):
        OpenAI("OPENAI").result(body, chat)


@pytest.mark.parametrize("provider", FAMILY, ids=lambda provider: provider.name)
def test_every_provider_of_the_family_reads_its_answer(provider: OpenAI) -> None:
    body = orjson.dumps(completion({"content": "Yes"}))

    assert provider.result(body, ask()).text == "Yes"


def test_what_anthropic_has_no_words_for_is_named_for_its_clients() -> None:
    message: Json = {"role": "assistant", "content": "4", "annotations": [{}], "audio": None}
    body = completion(message)
    body["choices"].append({**body["choices"][0], "index": 1})
    raw = orjson.dumps(body)
    asked_by_anthropic = ChatRequest(Dialect.ANTHROPIC_MESSAGES, {}, lambda _: Conversation([]))

    lost = OpenAI("OPENAI").result(raw, asked_by_anthropic).dropped
    kept = OpenAI("OPENAI").result(raw, ask()).dropped

    assert (lost, kept) == (["annotations", "choices"], [])
