from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from hyperstrate.ai.providers.anthropic import Anthropic, endpoint
from hyperstrate.ai.providers.base import Provider
from hyperstrate.shared.chat import (
    ChatRequest,
    Conversation,
    Dialect,
    Foreign,
    Json,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from hyperstrate.shared.errors import ProviderError
from tests.anthropic_calls import ABSENT, MODEL, files, load, read, same_meaning

PROVIDER: Provider = Anthropic()
ASK: Json = {"model": "x", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}


def sent(chat: ChatRequest) -> Json:
    body: Json = orjson.loads(PROVIDER.request(chat, MODEL).body)
    return body


@ABSENT
@pytest.mark.parametrize("path", files(".json"))
def test_a_recorded_request_passes_with_only_its_model_changed(path: Path) -> None:
    body = load(path)["request"]["body"]

    passed = sent(read(body))

    assert passed == {**body, "model": "claude-x"}
    assert list(passed) == list(body)


@ABSENT
@pytest.mark.parametrize("path", files(".json"))
def test_a_recorded_request_written_anew_means_the_same(path: Path) -> None:
    body = load(path)["request"]["body"]
    chat = read(body)
    chat.edit()

    call = PROVIDER.request(chat, MODEL)

    assert same_meaning(orjson.loads(call.body)) == same_meaning(body)
    assert call.dropped == ()


@ABSENT
@pytest.mark.parametrize("path", files(".json", but=".sse.json"))
def test_a_recorded_answer_is_read_whole(path: Path) -> None:
    call = load(path)
    if call["response"]["status"] != 200:
        return
    body = call["response"]["body"]

    result = PROVIDER.result(orjson.dumps(body), read(call["request"]["body"]))

    said = body["usage"]
    written, cached = said["cache_creation_input_tokens"], said["cache_read_input_tokens"]
    assert (result.id, result.model) == (body["id"], body["model"])
    assert result.finish_detail == body["stop_reason"]
    assert result.usage.input_tokens == said["input_tokens"] + written + cached
    assert result.usage.output_tokens == said["output_tokens"]
    assert result.text == "".join(it["text"] for it in body["content"] if it["type"] == "text")
    names = [it["name"] for it in body["content"] if it["type"] == "tool_use"]
    assert [part.name for part in result.tool_calls] == names
    assert len(result.parts) == len(body["content"])


def test_the_call_carries_key_version_and_address() -> None:
    model = replace(MODEL, api_key="sk-ant", extra_headers={"X-Team": "t"})

    call = PROVIDER.request(read(ASK), model)

    assert (call.method, call.url) == ("POST", "https://a.test/v1/messages")
    assert call.headers == {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        "x-api-key": "sk-ant",
        "x-team": "t",
    }
    assert "sk-ant" not in repr(call)


def test_the_clients_betas_join_those_of_the_registration() -> None:
    chat = read(ASK)
    chat.headers = {"anthropic-beta": "a,b", "anthropic-version": "2099-01-01"}
    model = replace(MODEL, extra_headers={"Anthropic-Beta": "c"})

    headers = PROVIDER.request(chat, model).headers

    assert headers["anthropic-beta"] == "a,b,c"
    assert headers["anthropic-version"] == "2099-01-01"


def test_headers_of_another_dialect_stay_behind() -> None:
    chat = ChatRequest(
        Dialect.OPENAI_CHAT, {}, lambda _: Conversation([]), headers={"anthropic-beta": "a"}
    )

    assert "anthropic-beta" not in PROVIDER.request(chat, MODEL).headers


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("", "https://api.anthropic.com/v1/messages"),
        ("https://a.test/v1", "https://a.test/v1/messages"),
        ("https://a.test/v1/", "https://a.test/v1/messages"),
        ("https://a.test", "https://a.test/v1/messages"),
        ("https://a.test/anthropic/", "https://a.test/anthropic/v1/messages"),
        ("https://a.test/v2", "https://a.test/v2/messages"),
    ],
)
def test_the_base_may_bring_its_version_or_not(base: str, url: str) -> None:
    assert endpoint(base) == url


def test_the_body_streams_as_the_request_does() -> None:
    chat = read(ASK)
    chat.stream = True

    assert sent(chat)["stream"] is True
    assert "stream" not in sent(read(ASK))


def test_embeddings_are_not_its_trade() -> None:
    chat = ChatRequest(
        Dialect.OPENAI_EMBEDDINGS, {}, lambda _: Conversation([]), operation="embeddings"
    )

    with pytest.raises(ProviderError) as caught:
        PROVIDER.request(chat, MODEL)

    assert caught.value.kind == "unsupported"


def claude_code() -> Json:
    """A request such as coding clients send: marked system blocks, many tools, thinking."""
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    schema = {"type": "object", "properties": {"path": {"type": "string"}}, "x-order": [2, 1]}
    tools: list[Json] = [
        {"name": f"tool_{number}", "description": "d", "input_schema": schema}
        for number in range(40)
    ]
    thoughts = [
        {"type": "thinking", "thinking": "I should look", "signature": "EqQB+/=="},
        {"type": "redacted_thinking", "data": "EmwK"},
    ]
    uses = [
        {"type": "tool_use", "id": "toolu_1", "name": "tool_1", "input": {"path": "b", "a": 1}},
        {"type": "tool_use", "id": "toolu_2", "name": "tool_2", "input": {}, **mark},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "text"},
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": [], "is_error": True, **mark},
        {"type": "text", "text": "<reminder>", **mark},
    ]
    return {
        "model": "claude-sonnet-4-5",
        "max_tokens": 32000,
        "stream": True,
        "system": [{"type": "text", "text": "A"}, {"type": "text", "text": "B", **mark}],
        "tools": [*tools[:-1], {**tools[-1], **mark}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Fix it", **mark}]},
            {"role": "assistant", "content": [*thoughts, *uses]},
            {"role": "user", "content": results},
        ],
        "thinking": {"type": "enabled", "budget_tokens": 31999},
        "metadata": {"user_id": "user_1_account__session_2"},
        "temperature": 1,
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    }


def test_thoughts_and_signatures_survive_a_rewritten_request_field_21() -> None:
    chat = read(claude_code())
    chat.edit()

    content = sent(chat)["messages"][1]["content"]

    assert content[:2] == claude_code()["messages"][1]["content"][:2]


def test_every_cache_mark_survives_a_rewritten_request_field_22() -> None:
    body = claude_code()
    chat = read(body)
    chat.edit().messages[0].parts.insert(0, Text("The gateway's word"))

    rewritten = sent(chat)

    assert orjson.dumps(rewritten).count(b"cache_control") == 6
    assert rewritten["system"][1:] == body["system"]
    assert same_meaning({**rewritten, "system": body["system"]}) == same_meaning(body)


def test_a_new_system_prompt_takes_the_place_of_all() -> None:
    chat = read(claude_code())
    chat.edit().set_system("Be brief")

    assert sent(chat)["system"] == "Be brief"


def test_an_answer_is_read_into_its_parts() -> None:
    body: Json = {
        "id": "msg_1",
        "model": "claude-x",
        "content": [
            {"type": "thinking", "thinking": "h", "signature": "s"},
            {"type": "text", "text": "a"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"b": 1, "a": 2}},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "output_tokens": 7,
            "cache_read_input_tokens": 50,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "output_tokens_details": {"thinking_tokens": 3},
        },
    }

    result = PROVIDER.result(orjson.dumps(body), read(ASK))

    assert result.parts == [
        Thinking("h", "s"),
        Text("a"),
        ToolCall("t", "f", '{"b":1,"a":2}'),
        Foreign(Dialect.ANTHROPIC_MESSAGES, body["content"][3]),
    ]
    assert (result.finish_reason, result.finish_detail) == ("tool_calls", "tool_use")
    assert result.usage == Usage(90, 7, 50, 10, 20, 3)
    assert result.has_usage


def test_what_openai_has_no_words_for_is_named_for_its_clients() -> None:
    source = {"type": "char_location", "cited_text": "a"}
    blocks = [{"type": "server_tool_use"}, {"type": "text", "text": "a", "citations": [source]}]
    raw = orjson.dumps({"content": blocks})
    asked_by_openai = ChatRequest(Dialect.OPENAI_CHAT, {}, lambda _: Conversation([]))

    lost = PROVIDER.result(raw, asked_by_openai).dropped
    kept = PROVIDER.result(raw, read(ASK)).dropped

    assert (lost, kept) == (["server_tool_use", "citations"], [])


def test_usage_that_was_not_said_is_known_to_be_missing() -> None:
    result = PROVIDER.result(b'{"content": [], "stop_reason": "end_turn"}', read(ASK))

    assert not result.has_usage


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"content": 5}', b'{"content": ["a"]}', b"\xff"],
)
def test_what_is_not_a_message_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        PROVIDER.result(body, read(ASK))

    assert caught.value.kind == "bad_answer"
