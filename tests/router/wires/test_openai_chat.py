from __future__ import annotations

from typing import Any

import orjson
import pytest

from hyperstrate.router.wires.openai_chat import OpenAIChat
from hyperstrate.shared.chat import (
    ChatResult,
    Dialect,
    Foreign,
    Json,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from hyperstrate.shared.errors import (
    AppError,
    BadRequest,
    NotFound,
    PaymentRequired,
    ProviderError,
    TooManyRequests,
)
from tests.openai_calls import exchange, read

OURS, ANTHROPIC = Dialect.OPENAI_CHAT, Dialect.ANTHROPIC_MESSAGES
HI: list[Json] = [{"role": "user", "content": "Hi"}]


def ask(**fields: Any) -> Json:
    return {"model": "support", "messages": HI, **fields}


def answer(**values: Any) -> ChatResult:
    given: Json = {
        "finish_reason": "stop",
        "usage": Usage(10, 5, 4, 0, 0, 2),
        "id": "x",
        "model": "m",
    }
    return ChatResult(ANTHROPIC, **{**given, **values})


def completion(result: ChatResult) -> Json:
    written: Json = orjson.loads(OpenAIChat().result(exchange(read(ask())), result))
    return written


def test_an_answer_of_another_dialect_is_written_whole() -> None:
    call = ToolCall("toolu_1", "look", '{"a":  1}')
    parts = [Thinking("Hm.", "sig"), Text("Let "), Text("me."), call]

    written = completion(answer(parts=parts, finish_reason="tool_calls"))

    created = written.pop("created")
    assert isinstance(created, int)
    assert written == {
        "id": "x",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Let me.",
                    "reasoning_content": "Hm.",
                    "thinking_blocks": [
                        {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
                    ],
                    "tool_calls": [
                        {
                            "id": "toolu_1",
                            "type": "function",
                            "function": {"name": "look", "arguments": '{"a":  1}'},
                        }
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }


def test_what_another_dialect_alone_can_say_is_left_out() -> None:
    passing = exchange(read(ask()))
    search = Foreign(ANTHROPIC, {"type": "server_tool_use", "id": "s", "server_tool_use": {}})
    result = answer(parts=[Text("4"), search])

    written = orjson.loads(OpenAIChat().result(passing, result))

    assert written["choices"][0]["message"] == {"role": "assistant", "content": "4"}


def test_content_is_null_only_beside_tool_calls() -> None:
    with_call = completion(answer(parts=[ToolCall("a", "b", "{}")]))
    without = completion(answer(parts=[]))

    assert with_call["choices"][0]["message"]["content"] is None
    assert without["choices"][0]["message"]["content"] == ""


def test_an_answer_without_a_name_gets_ours() -> None:
    written = completion(answer(id="", model=""))

    assert (written["id"], written["model"]) == ("chatcmpl-req_1", "support")


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("refusal", "content_filter"),
        ("pause", "stop"),
        (None, None),
    ],
)
def test_reasons_of_others_are_said_in_ours(reason: Any, word: str | None) -> None:
    written = completion(answer(finish_reason=reason, finish_detail="end_turn"))

    assert written["choices"][0]["finish_reason"] == word


def own_answer() -> ChatResult:
    message: Json = {"role": "assistant", "content": "my pin", "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": []}}
    other = {**choice, "index": 1, "message": {**message, "content": "other"}}
    body: Json = {"id": "x", "object": "chat.completion", "created": 1, "model": "m",
                  "choices": [choice, other], "service_tier": "flex",
                  "usage": {"prompt_tokens": 1}}  # fmt: skip
    return ChatResult(
        OURS,
        parts=[Text("my pin")],
        others=[[Text("other")]],
        finish_reason="stop",
        finish_detail="stop",
        body=body,
    )


def test_a_choice_that_a_stage_changed_brings_nothing_of_the_old_words() -> None:
    result = own_answer()
    result.parts = [Text("my ***")]
    result.finish_reason = "content_filter"

    written = completion(result)

    assert written["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "my ***"},
        "logprobs": None,
        "finish_reason": "content_filter",
    }
    assert written["choices"][1] == own_answer().body["choices"][1]
    assert written["service_tier"] == "flex"


WRONG = BadRequest("no", fields={"model": ["no"]})
FOREIGN = ProviderError("no", kind="rate_limited", body=b"{}", dialect=ANTHROPIC)


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (
            BadRequest("no", fields={"model": ["no"]}),
            400,
            "invalid_request_error",
            "invalid_request",
        ),
        (PaymentRequired("no"), 402, "insufficient_quota", "budget_exceeded"),
        (NotFound("no"), 404, "not_found_error", "not_found"),
        (TooManyRequests("no"), 429, "rate_limit_error", "rate_limited"),
        (AppError("no"), 500, "server_error", "internal_error"),
        (ProviderError("no", kind="overloaded"), 529, "server_error", "overloaded"),
        (ProviderError("no", kind="cancelled"), 499, "invalid_request_error", "cancelled"),
        (
            ProviderError("no", kind="rate_limited", body=b"{}"),
            429,
            "rate_limit_error",
            "rate_limited",
        ),
    ],
)
def test_errors_are_said_in_openais_words(
    error: AppError | ProviderError, status: int, kind: str, code: str
) -> None:
    reply = OpenAIChat().error(error, "req_1")

    said = orjson.loads(reply.body)["error"]
    assert reply.status == status
    assert (said["message"], said["type"], said["code"]) == ("no", kind, code)
    assert said["param"] == ("model" if isinstance(error, BadRequest) else None)
